const imports = [{ name: "api", importPath: "../../surroundings" }];
const output = { target: "generated/orval/client.ts", client: "fetch", baseUrl: { runtime: "api", imports } };

export default { todo: { input: "openapi.json", output } };
