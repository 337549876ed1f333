/*
 * What the page shows, as values: a render describes all of it, and the document is changed only where it differs.
 * What a person has focused, opened or typed stays. There is no way to make markup out of a text.
 */

export type Child = VNode | string | number | false | undefined
export type Handler = (event: Event) => void

export interface Props {
  /** Tells one child from another among those of one parent, wherever it moves to. */
  key?: string
  on?: Readonly<Record<string, Handler>>
  /** Custom properties of CSS, such as `--share`. */
  vars?: Readonly<Record<string, string>>
  /** All others are attributes: `true` is an empty one, `false` and undefined are none. */
  [attribute: string]: string | number | boolean | object | undefined
}

export interface VNode {
  tag: string
  props: Props
  children: readonly (VNode | string)[]
}

const SVG = 'http://www.w3.org/2000/svg'
const SVG_TAGS = new Set(['svg', 'path', 'circle'])
const NOT_ATTRIBUTES = new Set(['key', 'on', 'vars'])

/** What each element was rendered from. */
const sources = new WeakMap<Node, VNode>()

/** An element. Of its children, `false` and undefined show nothing. */
export function h(tag: string, props: Props = {}, ...children: readonly Child[]): VNode {
  return {
    tag,
    props,
    children: children.flatMap((child) => {
      if (child === false || child === undefined || child === '') return []
      return typeof child === 'number' ? String(child) : child
    }),
  }
}

/** Makes the children of `parent` what `children` say. Focus stays, or goes to the heading of what it was in. */
export function render(parent: Element, children: readonly Child[]): void {
  const focused = document.activeElement
  const around = focused === null ? [] : ancestorsOf(focused)
  patchChildren(parent, h('root', {}, ...children).children)
  if (focused === null || focused === document.activeElement || around.length === 0) return
  if (focused instanceof HTMLElement && focused.isConnected) {
    focused.focus({ preventScroll: true })
    return
  }
  const [heading] = around
    .filter((element) => element.isConnected)
    .flatMap((element) => element.querySelector<HTMLElement>('[tabindex="-1"]') ?? [])
  heading?.focus({ preventScroll: true })
}

function ancestorsOf(element: Element): Element[] {
  const found: Element[] = []
  for (let at = element.parentElement; at !== null; at = at.parentElement) found.push(at)
  // Of what is outside of the page's own parts, nothing can go away.
  return found.filter(({ tagName }) => tagName !== 'BODY' && tagName !== 'HTML')
}

function patchChildren(parent: Element, next: readonly (VNode | string)[]): void {
  const old = [...parent.childNodes]
  const free = new Set<ChildNode>(old)
  const nodes = next.map((child) => {
    const node = old.find((one) => free.has(one) && fits(one, child))
    if (node !== undefined) free.delete(node)
    return node === undefined ? create(child) : patch(node, child)
  })
  for (const gone of free) gone.remove()
  // What is already in its place is not moved: that would take the focus from it.
  let place = parent.firstChild
  for (const node of nodes) {
    if (node === place) place = place.nextSibling
    else parent.insertBefore(node, place)
  }
}

function fits(node: ChildNode, child: VNode | string): boolean {
  if (typeof child === 'string') return node instanceof Text
  const source = sources.get(node)
  return source?.tag === child.tag && source.props.key === child.props.key
}

function create(child: VNode | string): ChildNode {
  if (typeof child === 'string') return document.createTextNode(child)
  const { tag } = child
  const element = SVG_TAGS.has(tag)
    ? document.createElementNS(SVG, tag)
    : document.createElement(tag)
  return apply(element, { tag, props: {}, children: [] }, child)
}

function patch(node: ChildNode, child: VNode | string): ChildNode {
  if (typeof child === 'string') {
    if (node.nodeValue !== child) node.nodeValue = child
    return node
  }
  const before = sources.get(node)
  return before === undefined ? node : apply(node as Element & ChildNode, before, child)
}

function apply(element: Element, before: VNode, next: VNode): Element {
  const names = new Set([...Object.keys(before.props), ...Object.keys(next.props)])
  for (const name of names) {
    const value = next.props[name]
    // Compared with what was rendered, not with what is: a person may have opened it since.
    if (NOT_ATTRIBUTES.has(name) || before.props[name] === value) continue
    if (value === undefined || value === false) element.removeAttribute(name)
    else if (typeof value !== 'object')
      element.setAttribute(name, value === true ? '' : String(value))
  }
  listen(element, before.props.on ?? {}, next.props.on ?? {})
  for (const [name, value] of Object.entries(next.props.vars ?? {})) {
    if (element instanceof HTMLElement) element.style.setProperty(name, value)
  }
  sources.set(element, next)
  patchChildren(element, next.children)
  return element
}

function listen(
  element: Element,
  before: NonNullable<Props['on']>,
  next: NonNullable<Props['on']>,
): void {
  for (const [type, handler] of Object.entries(before)) {
    if (next[type] !== handler) element.removeEventListener(type, handler)
  }
  for (const [type, handler] of Object.entries(next)) {
    if (before[type] !== handler) element.addEventListener(type, handler)
  }
}
