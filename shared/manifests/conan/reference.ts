/** What a Conan reference says of a recipe: `name/version[@user[/channel]][#revision][%timestamp][:package]`. */
export interface ConanReference {
  readonly name: string;
  /** As written: a range stands in brackets. */
  readonly version: string;
}

/** Conan 1 allows capitals. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_+.-]+$/;
const USER_AND_CHANNEL = /^(?:[A-Za-z0-9_][A-Za-z0-9_+.-]*(?:\/[A-Za-z0-9_][A-Za-z0-9_+.-]*)?)?$/;
/** What follows the recipe: its revision, when that was made, and which binary of it. */
const REST = /[#%:]/;

/** `undefined` for what is no reference. User, channel, revisions and binaries are cut: they name no other package version. */
export function parseReference(text: string): ConanReference | undefined {
  const end = text.search(REST);
  const recipe = end < 0 ? text : text.slice(0, end);
  const at = recipe.indexOf('@');
  if (at >= 0 && !USER_AND_CHANNEL.test(recipe.slice(at + 1))) return undefined;
  const [name = '', version = '', ...more] = (at < 0 ? recipe : recipe.slice(0, at)).split('/');
  return NAME.test(name) && version !== '' && more.length === 0 ? { name, version } : undefined;
}
