import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { HOSTS_CSV_HEADER } from "../../components/hostsCsv";
import { startLab, type Lab } from "../../lab";
import { stackUnderTest, type StackUnderTest } from "./stack";

/** A lab whose machines are never switched on, and a stack with a fleet of so many hosts. */
export interface Fleet extends AsyncDisposable {
    lab: Lab;
    stack: StackUnderTest;
}

export async function fleetOf(hosts: number): Promise<Fleet> {
    const lab = await startLab({ images: false });
    const region = await lab.emf.create("regions", { name: "north" });
    const site = await lab.emf.create("sites", { name: "store", regionId: region.resourceId });
    const profile = await lab.emf.create("compute/os", {
        name: "bench",
        sha256: "0".repeat(64),
        imageUrl: "https://images.example.test/bench.raw.gz",
        osType: "OS_TYPE_MUTABLE",
        osProvider: "OS_PROVIDER_KIND_INFRA",
        securityFeature: "SECURITY_FEATURE_NONE",
    });
    const { endpoint, keycloak, project, username, password, caFile } = lab.emf;
    const stack = stackUnderTest({
        program: {
            source: `
const { components } = require("pulumi-edge-os");
new components.HostFleet("fleet", {
    csv: "hosts.csv",
    osProfile: ${JSON.stringify(profile.resourceId)},
    site: ${JSON.stringify(site.resourceId)},
});`,
        },
        config: { "edge-os:emf": { endpoint, keycloak, project, username, caFile } },
        env: { EDGE_OS_EMF_PASSWORD: password },
    });
    const rows = Array.from(
        { length: hosts },
        (_, i) => `SN${String(i).padStart(6, "0")},${crypto.randomUUID()}`,
    );
    fs.writeFileSync(path.join(stack.dir, "hosts.csv"), [HOSTS_CSV_HEADER.join(","), ...rows].join("\n"));
    return {
        lab,
        stack,
        async [Symbol.asyncDispose]() {
            stack.remove();
            await lab.close();
        },
    };
}

/** Fails with the run's own output unless it ended well. */
export function succeeded<R extends { exitCode: number; stdout: string }>(result: R): R {
    if (result.exitCode !== 0) throw new Error(`exit code ${result.exitCode}\n${result.stdout}`);
    return result;
}
