import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { Lab } from "../../lab";
import { stackUnderTest, type EngineName, type StackUnderTest } from "./stack";

const ROOT = path.resolve(__dirname, "../..");

/** The quickstart's project in a folder of its own, pointed at this lab. */
export function quickstartStack(lab: Lab, engine: EngineName = "embedded"): StackUnderTest {
    const source = fs.mkdtempSync(path.join(os.tmpdir(), "quickstart-"));
    try {
        for (const file of ["Pulumi.yaml", "examples/quickstart"]) {
            fs.cpSync(path.join(ROOT, file), path.join(source, file), {
                recursive: true,
                filter: (name) => !/quickstart\/build(\/|$)/.test(name),
            });
        }
        const stack = stackUnderTest({
            program: { dir: source },
            engine,
            stack: "lab",
            config: {
                images: { directory: lab.images.directory, baseUrl: lab.images.baseUrl },
                ...emfConfig(lab),
            },
        });
        stack.env = { EDGE_OS_EMF_PASSWORD: lab.emf.password, PULUMI_NODEJS_TRANSPILE_ONLY: "true" };
        return stack;
    } finally {
        fs.rmSync(source, { recursive: true });
    }
}

export function emfConfig(lab: Lab): Record<string, unknown> {
    const { endpoint, keycloak, project, username, caFile } = lab.emf;
    return { "edge-os:emf": { endpoint, keycloak, project, username, caFile } };
}

/** What the quickstart has made in EMF. */
export async function inventory(lab: Lab): Promise<Record<string, number>> {
    const paths = ["regions", "sites", "compute/os", "compute/hosts", "compute/instances"];
    const counts = await Promise.all(
        paths.map(async (name) => [name, (await lab.emf.list(name)).length] as const),
    );
    return Object.fromEntries(counts);
}

export const COMPLETE = { regions: 1, sites: 1, "compute/os": 1, "compute/hosts": 3, "compute/instances": 3 };
export const EMPTY = { regions: 0, sites: 0, "compute/os": 0, "compute/hosts": 0, "compute/instances": 0 };

/** Host status of every host, by serial number. */
export async function fleetStates(lab: Lab): Promise<Record<string, unknown>> {
    const hosts = await lab.emf.list("compute/hosts");
    return Object.fromEntries(
        hosts
            .map((host) => [String(host.serialNumber), host.hostStatus] as const)
            .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
}
