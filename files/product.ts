import { existsSync } from 'node:fs';
import path from 'node:path';

/** The folder of this product's own files: the checkout, or the folder in the installed package. */
export const PRODUCT = path.join(__dirname, '..');

/** The folder of the user's files, such as variables.tfvars: the checkout, or for the package the current folder. */
export const WORKSPACE = existsSync(path.join(PRODUCT, 'main.ts')) ? PRODUCT : process.cwd();
