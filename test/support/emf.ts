import type { Lab } from "../../lab";
import { EmfClient } from "../../provider/emf/client";
import { readEmfSettings } from "../../provider/emf/settings";
import { testHost, type TestHost } from "./context";

/** What a stack's configuration says about a lab. */
export function labConfig(lab: Lab): Record<string, string> {
    const { endpoint, keycloak, project, username, password, caFile } = lab.emf;
    return { endpoint, keycloak, project, username, password, caFile };
}

export interface LabClient {
    client: EmfClient;
    host: TestHost;
}

/** A client as the provider process of one run has it: nothing in it is older than the run. */
export function labClient(
    lab: Lab,
    overrides: Record<string, string | undefined> = {},
    options: { sleep?: (milliseconds: number) => Promise<void> } = {},
): LabClient {
    const host = testHost({ config: { "edge-os:emf": { ...labConfig(lab), ...overrides } }, ...options });
    return { client: new EmfClient(readEmfSettings({}, host), host), host };
}
