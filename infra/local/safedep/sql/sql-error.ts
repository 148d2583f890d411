/** What is wrong with a query: a clause for the reader. */
export class SqlError extends Error {
  override readonly name = 'SqlError';
}
