import { existsSync } from 'node:fs';
import path from 'node:path';

/** The folder of this product's own files: the checkout, or within the installed package. */
export const PRODUCT = path.join(__dirname, '..');

/** Where the user's files are, such as variables.tfvars and executions/: the checkout, or with the package the current folder. */
export const WORKSPACE = existsSync(path.join(PRODUCT, 'main.ts')) ? PRODUCT : process.cwd();
