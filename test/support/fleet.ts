import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { HOSTS_CSV_HEADER } from "../../components/hostsCsv";
import { startLab, type Lab } from "../../lab";
import type { CsvCells, CsvHost } from "./orchCli";
import { publicKey } from "./sshKeys";
import { stackUnderTest, type StackUnderTest } from "./stack";

/** What the cells of a whole row say beside the device. */
export const CELLS: CsvCells = {
    osProfile: "bench",
    site: "store",
    remoteUser: "operator",
    cloudInit: "proxy",
    metadata: { line: "4", shift: "night" },
};

/** From OSProfile to CloudInitMeta. */
const OTHER_CELLS = [
    CELLS.osProfile,
    CELLS.site,
    "false",
    CELLS.remoteUser,
    new URLSearchParams(CELLS.metadata).toString(),
    "",
    CELLS.cloudInit,
];

/** A lab whose machines are never switched on, and a stack with a fleet of so many hosts. */
export interface Fleet extends AsyncDisposable {
    lab: Lab;
    stack: StackUnderTest;
    hosts: CsvHost[];
}

/** `allCells`: the rows name everything they can, as in a file for orch-cli; else only the devices. */
export async function fleetOf(count: number, options: { allCells?: boolean } = {}): Promise<Fleet> {
    const lab = await startLab({ images: false });
    const region = await lab.emf.create("regions", { name: "north" });
    const site = await lab.emf.create("sites", { name: CELLS.site, regionId: region.resourceId });
    const profile = await lab.emf.create("compute/os", {
        name: CELLS.osProfile,
        sha256: "0".repeat(64),
        imageUrl: "https://images.example.test/bench.raw.gz",
        osType: "OS_TYPE_MUTABLE",
        osProvider: "OS_PROVIDER_KIND_INFRA",
        securityFeature: "SECURITY_FEATURE_NONE",
    });
    await lab.emf.create("localAccounts", { username: CELLS.remoteUser, sshKey: publicKey("ssh-ed25519") });
    await lab.emf.create("customConfigs", { name: CELLS.cloudInit, config: "#cloud-config\npackages: []\n" });
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
    const hosts = Array.from({ length: count }, (_, i) => ({
        serial: `SN${String(i).padStart(6, "0")}`,
        uuid: crypto.randomUUID(),
    }));
    const rows = hosts.map(({ serial, uuid }) =>
        [serial, uuid, ...(options.allCells ? OTHER_CELLS : [])].join(","),
    );
    fs.writeFileSync(path.join(stack.dir, "hosts.csv"), [HOSTS_CSV_HEADER.join(","), ...rows].join("\n"));
    return {
        lab,
        stack,
        hosts,
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
