/**
 * aws-local-stepfunctions 3 calls Promise.withResolvers, which Node.js has from 22 on. Without it, on Node.js 20,
 * every Task would fail with a TypeError that its Catch hides.
 */
type Resolvers = { promise: Promise<unknown>; resolve: (value: unknown) => void; reject: (reason: unknown) => void };
const PromiseWithResolvers = Promise as PromiseConstructor & { withResolvers?: () => Resolvers };

PromiseWithResolvers.withResolvers ??= () => {
  const resolvers = {} as Resolvers;
  resolvers.promise = new Promise((resolve, reject) => Object.assign(resolvers, { resolve, reject }));
  return resolvers;
};
