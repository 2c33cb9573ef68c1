// Due times as people say them, and as the input of a form wants them.

const time = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const year = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

/** “Saturday, 28 November”. */
export function today(): string {
  return new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" }).format(new Date());
}

/** “Today, 18:00”, “Fri 5 Dec, 09:00”. */
export function inWords(due: string, now = new Date()): string {
  const at = new Date(due);
  const days = Math.round((midnight(at) - midnight(now)) / 86_400_000);
  if (Math.abs(days) <= 1) return `${capital(relative.format(days, "day"))}, ${time.format(at)}`;
  return at.getFullYear() === now.getFullYear() ? `${day.format(at)}, ${time.format(at)}` : year.format(at);
}

export function isToday(due: string, now = new Date()): boolean {
  return midnight(new Date(due)) === midnight(now);
}

/** The value of an `<input type="datetime-local">`, in the time of the person. */
export function toInput(due: string | null): string {
  if (due === null) return "";
  const at = new Date(due);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export function fromInput(value: string): string | null {
  return value === "" ? null : new Date(value).toISOString();
}

function midnight(at: Date): number {
  return new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
