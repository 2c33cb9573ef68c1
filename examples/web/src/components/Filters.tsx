// What is shown: one of three tabs with their counts, and what is searched for.
import { useEffect, useState } from "react";
import type { Counts } from "../api";
import { type Filter, type Tab, TABS } from "../lists";
import { Icon } from "./Icon";

const NAMES: Record<Tab, string> = { all: "All", open: "Open", completed: "Completed" };
const TYPING = 250;

interface Props {
  filter: Filter;
  counts: Counts | undefined;
  onChange: (change: Partial<Filter>) => void;
}

export function Filters({ filter, counts, onChange }: Props) {
  return (
    <div className="filters">
      <div role="group" aria-label="Show" className="tabs">
        {TABS.map((tab) => (
          <button key={tab} type="button" aria-pressed={tab === filter.tab} onClick={() => onChange({ tab })}>
            {NAMES[tab]} {counts && <span className="count">{countOf(tab, counts)}</span>}
          </button>
        ))}
      </div>
      <Search q={filter.q} onChange={onChange} />
    </div>
  );
}

function countOf(tab: Tab, { total, pending, in_progress, completed }: Counts): number {
  return { all: total, open: pending + in_progress, completed }[tab];
}

/** Asks once the typing has stopped for a moment. */
function Search({ q, onChange }: { q: string; onChange: Props["onChange"] }) {
  const [text, setText] = useState(q);
  const [known, setKnown] = useState(q);
  if (q !== known) {
    setKnown(q);
    if (q !== text.trim()) setText(q); // it was changed from elsewhere
  }
  useEffect(() => {
    if (text.trim() === q) return;
    const timer = setTimeout(() => onChange({ q: text.trim() }), TYPING);
    return () => clearTimeout(timer);
  }, [text, q, onChange]);
  return (
    <label className="search">
      <Icon name="search" />
      <input
        type="search"
        aria-label="Search"
        placeholder="Search"
        maxLength={200}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
    </label>
  );
}
