/** The address of the interpreter's module: scripts/vite-core.ts. */
declare module "virtual:interpreter-core" {
  const address: string;
  export default address;
}

/** A digest of what decides how guest code is compiled. */
declare module "virtual:engine-version" {
  const version: string;
  export default version;
}
