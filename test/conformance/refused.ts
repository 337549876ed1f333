/** What a reader throws for what PROTOCOL.md says it must refuse. */
export class Refused extends Error {
  override readonly name = 'Refused'
}
