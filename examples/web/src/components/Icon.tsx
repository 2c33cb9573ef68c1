// The page's few pictures, drawn with one pen. They say nothing that a label does not say.
const PATHS = {
  check: "m5 12.5 4.5 4.5L19 7.5",
  clock: "M12 7.5V12l3 2M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z",
  close: "m6 6 12 12M18 6 6 18",
  cloud: "m3 3 18 18M8.5 5.6A6.5 6.5 0 0 1 18 9.5a4.5 4.5 0 0 1 2.6 7.6M17.500 19H7a4.500 4.500 0 0 1-.9-8.900",
  plus: "M12 5v14M5 12h14",
  search: "m20 20-4.2-4.2M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14Z",
  sync: "M20 11a8 8 0 0 0-14-4.500L4 9m0-5v5h5M4 13a8 8 0 0 0 14 4.500l2-2.500m0 5v-5h-5",
  trash: "M4 7h16M10 11v6M14 11v6M6 7l1 12a2 2 0 0 0 2 2h6a2 2 0 0 0 2-2l1-12M9 7V5a2 2 0 0 1 2-2h2a2 2 0 0 1 2 2v2",
  user: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.500 20.500a7.500 7.500 0 0 1 15 0",
};

export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
