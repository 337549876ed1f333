import type { z } from 'zod'

/** What is wrong with an input, and where: `text: is longer than 262144 characters`. */
export function issueText(issue: z.core.$ZodIssue | undefined): string {
  return `${issue?.path.join('.') ?? ''}: ${issue === undefined ? 'unfit' : wordsOf(issue)}`
}

/** The commonest two in our words, for whoever does not know zod. */
function wordsOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'too_big' && issue.origin === 'string') {
    return `is longer than ${issue.maximum} characters`
  }
  if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined'))
    return 'is missing'
  return issue.message
}
