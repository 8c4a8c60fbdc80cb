const inRoot = (...folders) => folders.map((folder) => `<rootDir>/(.*/)?${folder}/`);

/** Two suites: `unit` needs Node.js alone; `integration` needs Terraform, its AWS provider and moto. */
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
  testTimeout: 600_000,
  globalSetup: '<rootDir>/__tests__/support/temporary-folder.ts',
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/__tests__/**/*.test.ts'],
      testPathIgnorePatterns: [...shared.testPathIgnorePatterns, '<rootDir>/__tests__/integration/'],
    },
    { ...shared, displayName: 'integration', testMatch: ['<rootDir>/__tests__/integration/**/*.test.ts'] },
  ],
};
