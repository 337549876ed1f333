import { isFailure, KithError } from '../../protocol/errors.ts'
import type { FailureCode, FailureDetails } from '../../protocol/errors.ts'
import { errnoOf } from '../atomic-file.ts'
import { FileChanged } from './archive-writer.ts'

/** What was thrown in one thread, on its way to another: a message takes the class of an error off. */
export type Thrown =
  | { kind: 'changed'; file: string }
  | { kind: 'failure'; failure: FailureParts }
  | { kind: 'other'; error: unknown; errno: string | undefined }

interface FailureParts {
  code: FailureCode
  message: string
  details: FailureDetails[FailureCode]
  hint: string | undefined
  cause: unknown
}

export function packThrown(err: unknown): Thrown {
  if (err instanceof FileChanged) return { kind: 'changed', file: err.file }
  if (!isFailure(err)) return { kind: 'other', error: err, errno: errnoOf(err) }
  const { cause, code, details, hint, message } = err
  return { kind: 'failure', failure: { code, message, details, hint, cause } }
}

/** What was thrown, with its class. */
export function unpackThrown(thrown: Thrown): unknown {
  switch (thrown.kind) {
    case 'changed':
      return new FileChanged(thrown.file)
    case 'failure': {
      const { cause, code, details, hint, message } = thrown.failure
      return new KithError(code, message, details, {
        cause,
        ...(hint === undefined ? {} : { hint }),
      })
    }
    case 'other': {
      const { errno, error } = thrown
      if (errno === undefined || !(error instanceof Error)) return error
      return Object.assign(error, { code: errno })
    }
  }
}
