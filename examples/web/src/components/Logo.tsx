// The mark of the page, and its name.
export function Logo() {
  return (
    <span className="logo">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="10" />
        <path d="m9.500 16.500 4.500 4.500 9-10" />
      </svg>
      Tasks
    </span>
  );
}
