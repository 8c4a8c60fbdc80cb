const inRoot = (...folders) => folders.map((folder) => `<rootDir>/(.*/)?${folder}/`);

/** Jest reads no ES modules: these are the packages' own builds for others. */
const umd = {
  '^d3@': '<rootDir>/node_modules/d3/dist/d3.min.js',
  '^@observablehq/plot$': '<rootDir>/node_modules/@observablehq/plot/dist/plot.umd.min.js',
};

/**
 * Four suites. `unit` needs Node.js alone; `cdktn` is the part of it that synthesises, with cdktn in cdktf's place;
 * `integration` needs Terraform, its AWS provider and moto; `long` as well, and is not part of CI.
 */
const shared = {
  rootDir: __dirname,
  testEnvironment: 'node',
  cacheDirectory: '<rootDir>/node_modules/.cache/jest',
  transform: { '\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } }] },
  // Below the root: what the folders above it are called is the user's business.
  testPathIgnorePatterns: inRoot('node_modules', 'cdktf\\.out', '\\.datastream'),
  modulePathIgnorePatterns: inRoot('cdktf\\.out', '\\.datastream'),
};

module.exports = {
  // Ends a run that hangs. It is no limit of how long a test may take: a machine may be busy.
  testTimeout: 1_800_000,
  globalSetup: '<rootDir>/__tests__/support/global-setup.ts',
  projects: [
    {
      ...shared,
      displayName: 'unit',
      moduleNameMapper: umd,
      testMatch: ['<rootDir>/__tests__/**/*.test.ts'],
      testPathIgnorePatterns: [
        ...shared.testPathIgnorePatterns,
        '<rootDir>/__tests__/integration/',
        '<rootDir>/__tests__/cdktn\\.test\\.ts$',
      ],
    },
    {
      ...shared,
      displayName: 'cdktn',
      testMatch: [
        '<rootDir>/__tests__/constructs/{carousel,datastream,tsdat}/*.test.ts',
        '<rootDir>/__tests__/constructs/aws/{batch,network}.test.ts',
        '<rootDir>/__tests__/cdktn.test.ts',
      ],
      // The provider's bindings ask for cdktf as well.
      moduleNameMapper: { '^cdktf$': 'cdktn' },
    },
    {
      ...shared,
      displayName: 'integration',
      moduleNameMapper: umd,
      testMatch: ['<rootDir>/__tests__/integration/**/*.test.ts'],
    },
    {
      ...shared,
      displayName: 'long',
      testMatch: ['<rootDir>/__tests__/integration/**/*.long.ts'],
    },
  ],
};
