/** A failure with a cause outside of the library, such as a package that is not installed. Its message is all that is printed. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
}
