import { isVersion } from '../reading.ts';

/** A module path: segments of these characters, none of them `.` or `..`. */
const MODULE = /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[A-Za-z0-9._~+-]+(?:\/[A-Za-z0-9._~+-]+)*$/;
const LOCAL_PATH = /^(?:\.{0,2}[/\\]|\.{1,2}$|[A-Za-z]:[/\\])/;

export function isModulePath(text: string): boolean {
  return MODULE.test(text);
}

export function isModuleVersion(text: string): boolean {
  return /^v\d/.test(text) && isVersion(text);
}

/** Whether the right side of a `replace` is a folder. */
export function isLocalPath(text: string): boolean {
  return LOCAL_PATH.test(text);
}
