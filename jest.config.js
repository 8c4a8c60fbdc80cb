/**
 * Three suites. `unit` needs Node.js alone; `cdktn` is the part of it that synthesises, with cdktn in cdktf's place;
 * `integration` needs Terraform, its AWS provider and moto.
 */
const shared = {
  rootDir: __dirname,
  testEnvironment: 'node',
  transform: { '\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } }] },
  testPathIgnorePatterns: ['/node_modules/', '/cdktf.out/', '/\\.datastream/'],
  modulePathIgnorePatterns: ['/cdktf\\.out/', '/\\.datastream/'],
};

module.exports = {
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/__tests__/**/*.test.ts'],
      testPathIgnorePatterns: [...shared.testPathIgnorePatterns, '/__tests__/integration/', '/cdktn\\.test\\.ts$'],
    },
    {
      ...shared,
      displayName: 'cdktn',
      testMatch: ['<rootDir>/__tests__/constructs/datastream/*.test.ts', '<rootDir>/__tests__/cdktn.test.ts'],
      // The provider's bindings ask for cdktf as well.
      moduleNameMapper: { '^cdktf$': 'cdktn' },
    },
    { ...shared, displayName: 'integration', testMatch: ['<rootDir>/__tests__/integration/**/*.test.ts'] },
  ],
};
