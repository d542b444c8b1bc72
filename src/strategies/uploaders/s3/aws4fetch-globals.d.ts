// The declarations of aws4fetch use names of the DOM, which Node's own types do not have.
type HeadersInit = NonNullable<ConstructorParameters<typeof Headers>[0]>
type BodyInit = NonNullable<ConstructorParameters<typeof Response>[0]>
