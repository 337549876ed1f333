/** IANA name of the time zone of this machine, such as `Europe/Madrid`. */
export function hostZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone
}
