/** Dollars for people: cents, and two digits of what is less than ten. */
export function dollars(value: number): string {
  if (value >= 0.1 || value === 0) return `$${value.toFixed(2)}`;
  return `$${value.toLocaleString('en-US', { minimumSignificantDigits: 2, maximumSignificantDigits: 2 })}`;
}
