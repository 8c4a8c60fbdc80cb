import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a service answers: an object is JSON, a text is XML; with a status it is an error of the service. */
export type Answer = object | string | { readonly status: number; readonly body: object | string };

/** Answers by the operation's name; of REST, by method and path. */
export type Answers = Readonly<Record<string, Answer>>;

/** The operation of a request in AWS's JSON and query protocols; of REST, its method and path. */
export function operationOf({ method, url = '', headers }: IncomingMessage, body: string): string {
  const target = String(headers['x-amz-target'] ?? '').split('.')[1];
  const action = /(?:^|&)Action=(\w+)/.exec(body)?.[1];
  return target ?? action ?? `${method} ${decodeURIComponent(url.split('?')[0] ?? '').replace(/(.)\/$/, '$1')}`;
}

/** An error as the JSON protocols have it; for the query protocol, write XML. */
export const jsonError = (name: string, message: string, status = 400) => ({
  status,
  body: { __type: name, message },
});

/**
 * A server that answers as AWS's APIs do. An operation without an answer is refused with AccessDeniedException, or goes on
 * to another emulation.
 *
 * @param date the Date header; default: now
 * @param others the endpoint of that emulation
 */
export async function answeringServer(answers: Answers, date?: Date, others?: string) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const operation = operationOf(request, body.toString());
      asked.push(operation);
      if (others !== undefined && answers[operation] === undefined) {
        forward(request, body, others, response);
        return;
      }
      const answer =
        answers[operation] ?? jsonError('AccessDeniedException', `not authorized to perform: ${operation}`);
      const { status, body: content } =
        typeof answer === 'object' && 'status' in answer && 'body' in answer
          ? (answer as { status: number; body: object | string })
          : { status: 200, body: answer };
      const isXml = typeof content === 'string';
      response.writeHead(status, {
        'content-type': isXml ? 'text/xml' : 'application/x-amz-json-1.1',
        ...(date && { date: date.toUTCString() }),
        ...(operation.startsWith('HEAD /') && status === 200 && { 'x-amz-bucket-region': String(content) }),
      });
      response.end(operation.startsWith('HEAD /') ? undefined : isXml ? content : JSON.stringify(content));
    });
  }).listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** The operations, in their order. */
    asked,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** What `doctor` asks of a healthy deployment, in the shapes of the APIs' references. */
export function healthyAnswers(arn: string): Answers {
  const [, , , , account = ''] = arn.split(':');
  return {
    GetCallerIdentity: `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::${account}:user/operator</Arn><UserId>AIDAEXAMPLE</UserId><Account>${account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`,
    DescribeStateMachine: { stateMachineArn: arn, name: 'datastream', status: 'ACTIVE', creationDate: 1_780_000_000 },
    SimulatePrincipalPolicy: simulation({}),
    'GET /schedule-groups': {
      ScheduleGroups: [{ Name: 'default', Arn: 'arn:aws:scheduler:::schedule-group/default' }],
    },
    DescribeInstances: emptyOfEc2('DescribeInstances', 'reservationSet'),
    DescribeVolumes: emptyOfEc2('DescribeVolumes', 'volumeSet'),
    ListCostAllocationTags: {
      CostAllocationTags: [{ TagKey: 'datastream:state-machine', Type: 'UserDefined', Status: 'Active' }],
    },
    GetServiceQuota: { Quota: { ServiceCode: 'ec2', QuotaName: 'vCPUs', Value: 5000, Adjustable: true } },
  };
}

export const emptyOfEc2 = (operation: string, set: string, items = '') =>
  `<${operation}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>1</requestId><${set}>${items}</${set}></${operation}Response>`;

/** IAM's simulation, of all actions that doctor asks for. @param decisions of those that are not allowed */
export function simulation(decisions: Readonly<Record<string, string>>): string {
  const actions = [
    ...['StartExecution', 'ListExecutions', 'DescribeStateMachine', 'DescribeExecution'].map(
      (name) => `states:${name}`,
    ),
    ...['states:GetExecutionHistory', 'states:StopExecution', 'ec2:DescribeInstances'],
    ...['ssm:ListCommands', 'ssm:GetCommandInvocation'],
  ];
  const members = actions.map(
    (action) =>
      `<member><EvalActionName>${action}</EvalActionName><EvalResourceName>*</EvalResourceName><EvalDecision>${decisions[action] ?? 'allowed'}</EvalDecision></member>`,
  );
  return `<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated><EvaluationResults>${members.join('')}</EvaluationResults></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>`;
}

function forward({ method, url = '', headers }: IncomingMessage, body: Buffer, to: string, response: ServerResponse) {
  const onward = send(new URL(url, to), { method, headers, agent: false }, (reply) => {
    response.writeHead(reply.statusCode ?? 502, reply.headers);
    reply.pipe(response);
  });
  // The client gets a broken connection, as without this server.
  onward.on('error', () => response.destroy());
  onward.end(body);
}
