import type { Lab } from "../../lab";

/** Registers a machine that is never switched on, and an instance on it that refers to the given objects. */
export async function bindInstance(
    lab: Lab,
    refers: { localAccountID?: string; customConfigID?: string[] },
): Promise<string> {
    const host = await lab.emf.create("compute/hosts/register", { serialNumber: "SN00001" });
    const os = await lab.emf.create("compute/os", {
        name: `os of ${host.resourceId}`,
        sha256: "a".repeat(64),
        osType: "OS_TYPE_MUTABLE",
        // Of another provider than EMF's own: nothing is provisioned.
        osProvider: "OS_PROVIDER_KIND_LENOVO",
    });
    const body = { hostID: host.resourceId, osID: os.resourceId, ...refers };
    return (await lab.emf.create("compute/instances", body)).resourceId;
}

/** Removes all instances, with their hosts and profiles. */
export async function unbind(lab: Lab): Promise<void> {
    for (const [path, kind] of [
        ["compute/instances", "instance"],
        ["compute/hosts", "host"],
    ] as const) {
        for (const { resourceId } of await lab.emf.list(path)) {
            lab.emf.store.manager({ op: "delete", kind, resourceId });
        }
    }
    for (const { resourceId } of await lab.emf.list("compute/os")) {
        await lab.emf.remove("compute/os", resourceId);
    }
}
