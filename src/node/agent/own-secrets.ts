import type { KnownSecret } from '../../agent/secret-shapes.ts'
import type { Self } from '../self.ts'

/** The key in use, in the forms in which it could be written down. */
export function ownKey({ secret }: Pick<Self, 'secret'>): KnownSecret[] {
  const bytes = Buffer.from(secret)
  const forms = ['hex', 'base64', 'base64url'] as const
  return forms.map((form) => ({ kind: 'key of this node', value: bytes.toString(form) }))
}
