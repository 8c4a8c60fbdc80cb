/**
 * Adds Promise.withResolvers to Node.js 20; Node.js 22 has it. aws-local-stepfunctions 3 calls it. Without it, every
 * Task would fail with a TypeError, and the Task's Catch would hide this error.
 */
type Resolvers = { promise: Promise<unknown>; resolve: (value: unknown) => void; reject: (reason: unknown) => void };
const PromiseWithResolvers = Promise as PromiseConstructor & { withResolvers?: () => Resolvers };

PromiseWithResolvers.withResolvers ??= () => {
  const resolvers = {} as Resolvers;
  resolvers.promise = new Promise((resolve, reject) => Object.assign(resolvers, { resolve, reject }));
  return resolvers;
};
