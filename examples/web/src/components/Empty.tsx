// What is there when nothing is.
import type { Filter } from "../lists";

interface Props {
  filter: Filter;
  onChange: (change: Partial<Filter>) => void;
}

export function Empty({ filter: { tab, q }, onChange }: Props) {
  const [title, text] = q
    ? [`Nothing found for “${q}”`, "Titles and descriptions are searched."]
    : {
        all: ["A clear desk", "Write down the first thing that is on your mind."],
        open: ["All done", "Nothing is open. Enjoy it."],
        completed: ["Nothing completed yet", "What you tick off is kept here until you clear it."],
      }[tab];
  return (
    <div className="empty">
      <svg viewBox="0 0 120 84" aria-hidden="true">
        <rect className="sheet is-back" x="30" y="8" width="72" height="62" rx="10" transform="rotate(6 66 39)" />
        <rect className="sheet" x="22" y="12" width="72" height="62" rx="10" />
        <path className="line" d="M46 32h34M46 45h26M46 58h30" />
        <path className="ticks" d="m32 32 2.500 2.500 4.500-5M32 45l2.500 2.500 4.500-5M32 58l2.500 2.500 4.500-5" />
      </svg>
      <h2>{title}</h2>
      <p>{text}</p>
      {q && (
        <button type="button" className="secondary" onClick={() => onChange({ q: "" })}>
          Clear the search
        </button>
      )}
    </div>
  );
}
