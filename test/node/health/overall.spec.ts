import assert from 'node:assert/strict'
import fc from 'fast-check'
import { COMPONENT_STATES } from '../../../src/node/health/health-report.ts'
import type { ComponentState, Health } from '../../../src/node/health/health-report.ts'
import { overallOf } from '../../../src/node/health/overall.ts'

describe('overall health', () => {
  const alone: [state: ComponentState, required: boolean, overall: Health][] = [
    ['ready', true, 'healthy'],
    ['ready', false, 'healthy'],
    ['not-ready', true, 'degraded'],
    ['not-ready', false, 'degraded'],
    ['error', true, 'unhealthy'],
    ['error', false, 'degraded'],
    ['disabled', true, 'healthy'],
    ['disabled', false, 'healthy'],
    ['not-checked', true, 'healthy'],
    ['not-checked', false, 'healthy'],
  ]
  for (const [state, required, overall] of alone) {
    it(`F40: is ${overall} with ${required ? 'a required' : 'another'} component that is ${state}`, () => {
      const well = { state: 'ready', required: true } as const
      assert.equal(overallOf([well, { state, required }, well]), overall)
    })
  }

  const component = fc.record({
    state: fc.constantFrom(...COMPONENT_STATES),
    required: fc.boolean(),
  })

  it('F40: is the worst of all, in whatever order, and never better for one more', () => {
    const rank: Record<Health, number> = { healthy: 0, degraded: 1, unhealthy: 2 }
    fc.assert(
      fc.property(fc.array(component), component, (components, more) => {
        const before = rank[overallOf(components)]
        const after = rank[overallOf([more, ...components])]
        assert.equal(after, rank[overallOf([...components, more])])
        assert.equal(after, Math.max(before, rank[overallOf([more])]))
      }),
    )
  })

  it('F40: does not change by what is disabled', () => {
    fc.assert(
      fc.property(fc.array(component), fc.boolean(), (components, required) => {
        const more = { state: 'disabled', required } as const
        assert.equal(overallOf([...components, more]), overallOf(components))
      }),
    )
  })
})
