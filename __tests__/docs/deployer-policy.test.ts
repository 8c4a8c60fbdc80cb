import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DEPLOYER_POLICY, fillIn } from '../support/deployer-policy';

const ROOT = path.join(__dirname, '..', '..');
const VALUES = { ACCOUNT: '123456789012', REGION: 'us-gov-west-1' };

describe("a deployer's policy", () => {
  const { Statement } = fillIn(DEPLOYER_POLICY, { ...VALUES, PREFIX: 'datastream' });

  test('fits into a managed policy with a long prefix', () => {
    const long = JSON.stringify(fillIn(DEPLOYER_POLICY, { ...VALUES, PREFIX: 'p'.repeat(64) }));

    // White space does not count (IAM User Guide, IAM and AWS STS quotas).
    expect(long.replace(/\s/g, '').length).toBeLessThanOrEqual(6144);
  });

  test('leaves no placeholder when account, region and prefix are filled in', () => {
    expect(JSON.stringify(Statement)).not.toMatch(/ACCOUNT|REGION|PREFIX/);
  });

  test('has no wildcard in an action, and no resource * where the API takes an ARN', () => {
    const wide = Statement.filter(({ Resource }) => [Resource].flat().includes('*'));

    expect(Statement.flatMap(({ Action }) => Action).filter((action) => /[*?]/.test(action))).toEqual([]);
    // Service Authorization Reference: these know no resources.
    expect(wide.flatMap(({ Action }) => Action)).toEqual([
      'ec2:DescribeNetworkInterfaces',
      'ec2:DescribeSecurityGroups',
      'logs:DescribeLogGroups',
      'states:ValidateStateMachineDefinition',
    ]);
  });

  test('passes roles to the services of the deployment alone', () => {
    const passing = Statement.filter(({ Action }) => [Action].flat().includes('iam:PassRole'));

    expect(passing.map(({ Condition }) => Condition?.StringEquals?.['iam:PassedToService'])).toEqual([
      ['ec2.amazonaws.com', 'lambda.amazonaws.com', 'scheduler.amazonaws.com', 'states.amazonaws.com'],
    ]);
  });

  test('is for a prefix that every name of variables.tfvars has', () => {
    const tfvars = readFileSync(path.join(ROOT, 'variables.tfvars'), 'utf8');
    const names = [...tfvars.matchAll(/^(\w+)\s*=\s*"(.*)"$/gm)].filter(([, name]) => name !== 'region');

    expect(names.length).toBeGreaterThan(10);
    expect(names.map(([, , value = '']) => value).filter((value) => !value.startsWith('datastream'))).toEqual([]);
  });
});
