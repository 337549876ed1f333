import type { ApprovalRequest, ApprovalState, Approvals } from '../../src/agent/ports.ts'

/** A desk at which a person answers as told, at once. It keeps what it was asked. */
export class TestApprovals implements Approvals {
  readonly opened: ApprovalRequest[] = []
  readonly waited: string[] = []
  answer: ApprovalState = 'granted'
  /** Called when somebody waits. */
  onWait: () => unknown = () => undefined
  /** Whether an approval of before is for the call that goes on with it. */
  fits = true
  /** Keys that were granted for always. */
  readonly always = new Set<string>()

  remembered({ key }: { key: string }): 'granted' | undefined {
    return this.always.has(key) ? 'granted' : undefined
  }

  isFor(): boolean {
    return this.fits
  }

  async open(request: ApprovalRequest): Promise<string> {
    this.opened.push(request)
    return `approval-${this.opened.length}`
  }

  async wait(approval: string, signal: AbortSignal): Promise<ApprovalState> {
    signal.throwIfAborted()
    this.waited.push(approval)
    this.onWait()
    return this.answer
  }
}
