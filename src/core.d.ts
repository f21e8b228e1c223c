/** The address of the interpreter's module: scripts/vite-core.ts. */
declare module "virtual:interpreter-core" {
  const address: string;
  export default address;
}
