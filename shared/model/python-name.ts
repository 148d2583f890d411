/** PyPI's rule for names that mean the same package (PEP 503). */
export function foldPythonName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}
