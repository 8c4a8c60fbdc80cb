declare module 'dynalite/db' {
  /** The tables of one embedded database. */
  export interface Store {
    readonly options: object;
  }
  export function create(options: { createTableMs?: number; deleteTableMs?: number; updateTableMs?: number }): Store;
}
declare module 'dynalite/validations' {
  export function checkTypes(data: object, types: object): object;
  export function checkValidations(data: object, types: object, custom: unknown, store: unknown): void;
}
