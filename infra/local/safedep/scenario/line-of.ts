import { EVENT_ID, type Event, getScalarValue, parseEvents } from 'js-yaml';

/** The line, from 1 on, at which the value of a path in a YAML text begins, or of the nearest thing around it; `undefined` for none. */
export function lineOf(text: string, path: readonly PropertyKey[]): number | undefined {
  const events = parseEvents(text, {});
  let at = events.findIndex(({ type }) => type !== EVENT_ID.DOCUMENT);
  let offset: number | undefined;
  for (const key of path) {
    const found = child(events, at, key, text);
    if (found === undefined) break;
    at = found.value;
    offset = found.offset;
  }
  return offset === undefined ? undefined : text.slice(0, offset).split('\n').length;
}

/** Where the value of a key, or of a position in a list, stands among the events, and where its line is in the text. */
function child(events: readonly Event[], at: number, key: PropertyKey, text: string): { value: number; offset: number } | undefined {
  const parent = events[at]?.type;
  let index = 0;
  for (let next = at + 1; events[next] !== undefined && events[next]?.type !== EVENT_ID.POP; index++) {
    if (parent === EVENT_ID.SEQUENCE) {
      if (index === key) return { value: next, offset: startOf(events[next]) };
    } else if (parent === EVENT_ID.MAPPING) {
      const name = events[next];
      const value = after(events, next);
      if (name?.type === EVENT_ID.SCALAR && getScalarValue(text, name) === key) return { value, offset: startOf(name) };
      next = value;
    } else {
      return undefined;
    }
    next = after(events, next);
  }
  return undefined;
}

/** The event behind a value. */
function after(events: readonly Event[], at: number): number {
  let depth = 0;
  for (let next = at; next < events.length; next++) {
    const type = events[next]?.type;
    if (type === EVENT_ID.SEQUENCE || type === EVENT_ID.MAPPING) depth++;
    else if (type === EVENT_ID.POP) depth--;
    if (depth === 0) return next + 1;
  }
  return events.length;
}

function startOf(event: Event | undefined): number {
  if (event?.type === EVENT_ID.SCALAR) return event.valueStart;
  return event?.type === EVENT_ID.SEQUENCE || event?.type === EVENT_ID.MAPPING ? event.start : 0;
}
