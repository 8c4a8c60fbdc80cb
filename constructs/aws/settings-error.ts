/** A setting or a file of a deployment that cannot be deployed. The message has a line for each problem. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}
