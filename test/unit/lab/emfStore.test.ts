import { expect } from "chai";
import { EmfError } from "../../../lab/emf/errors";
import { EmfStore, type ManagerWrite, type StoreChange, type StoreSnapshot } from "../../../lab/emf/store";

const PROJECT = "11111111-0000-4000-8000-000000000001";
const OTHER = "11111111-0000-4000-8000-000000000002";
const OS = { osType: "OS_TYPE_MUTABLE", osProvider: "OS_PROVIDER_KIND_INFRA" };

function refusal(write: () => unknown): string {
    try {
        write();
    } catch (error) {
        if (error instanceof EmfError) return `${error.code}: ${error.message}`;
        throw error;
    }
    return "accepted";
}

describe("the store of the lab's EMF", () => {
    let store: EmfStore;

    beforeEach(() => {
        store = new EmfStore();
    });

    function host(fields: Record<string, string> = {}, project = PROJECT): string {
        return store.create("host", project, { uuid: "u1", ...fields }).resourceId;
    }

    function instanceOn(hostId: string): string {
        const os = store.create("os", PROJECT, { ...OS, sha256: "0" }).resourceId;
        return store.create("instance", PROJECT, { host: hostId, os, desiredState: "INSTANCE_STATE_RUNNING" })
            .resourceId;
    }

    function setState(hostId: string, currentState: string): void {
        const write = { op: "update", kind: "host", resourceId: hostId, mask: ["current_state"] } as const;
        expect(store.manager({ ...write, fields: { currentState } })).to.have.property("ok", true);
    }

    describe("unique constraints", () => {
        it("keeps a host's uuid unique over all projects", () => {
            host();
            expect(refusal(() => host({}, OTHER))).to.contain("host_resources_uuid_key");
        });

        it("keeps a serial number unique only among hosts without uuid", () => {
            store.create("host", PROJECT, { serialNumber: "S" });
            expect(refusal(() => host({ serialNumber: "S" }))).to.equal("accepted");
            expect(refusal(() => store.create("host", OTHER, { serialNumber: "S" }))).to.contain(
                "hostresource_serial_number",
            );
        });

        it("keeps an OS profile's name unique in its project, but allows many without a name", () => {
            store.create("os", PROJECT, { ...OS, name: "n" });
            expect(refusal(() => store.create("os", PROJECT, { ...OS, name: "n" }))).to.contain(
                "SQLSTATE 23505",
            );
            expect(refusal(() => store.create("os", OTHER, { ...OS, name: "n" }))).to.equal("accepted");
            store.create("os", PROJECT, OS);
            expect(refusal(() => store.create("os", PROJECT, OS))).to.equal("accepted");
        });

        it("frees a name with its row", () => {
            const { resourceId } = store.create("customconfig", PROJECT, { name: "n", config: "c" });
            store.delete(resourceId);
            expect(refusal(() => store.create("customconfig", PROJECT, { name: "n", config: "c" }))).to.equal(
                "accepted",
            );
        });

        it("leaves nothing behind when it refuses", () => {
            host();
            const before = JSON.stringify(store);
            refusal(() => host());
            expect(JSON.stringify(store)).to.equal(before);
        });

        it("allows one instance a host", () => {
            const id = host();
            instanceOn(id);
            expect(refusal(() => instanceOn(id))).to.contain("instance_resource_host");
        });
    });

    describe("references", () => {
        it("do not cross projects", () => {
            const site = store.create("site", OTHER, { name: "s" }).resourceId;
            expect(refusal(() => host({ site }))).to.equal("NotFound: site_resource not found");
        });

        it("protect an OS profile while an instance needs it, even one that is being deleted", () => {
            const instance = instanceOn(host());
            const os = store.find("instance", instance)?.os ?? "";
            store.delete(instance);
            expect(refusal(() => store.delete(os))).to.contain("SQLSTATE 23503");
        });

        it("to an update policy's OS profile are released with the profile", () => {
            const targetOs = store.create("os", PROJECT, OS).resourceId;
            const policy = store.create("osupdatepolicy", PROJECT, {
                name: "p",
                updatePolicy: "UPDATE_POLICY_TARGET",
                targetOs,
            });
            store.delete(targetOs);
            expect(store.find("osupdatepolicy", policy.resourceId)).to.have.property("targetOs", undefined);
        });

        it("make a region at most five levels deep", () => {
            let parentRegion = store.create("region", PROJECT, { name: "1" }).resourceId;
            const root = parentRegion;
            for (const name of ["2", "3", "4", "5"]) {
                parentRegion = store.create("region", PROJECT, { name, parentRegion }).resourceId;
            }
            const deeper = (): unknown => store.create("region", PROJECT, { name: "6", parentRegion });
            expect(refusal(deeper)).to.contain("nesting depth of 5");
            expect(store.list("region")).to.have.lengthOf(5);
            expect(
                refusal(() => store.update(root, "region", { parentRegion }, ["parentRegion"])),
            ).to.contain("nesting");
            expect(store.find("region", root)?.parentRegion).to.equal(undefined);
        });
    });

    describe("field masks", () => {
        it("write what they name, clear what has no value and leave the rest", () => {
            const id = host({ name: "n", note: "x", cpuModel: "c" });
            store.update(id, "host", { name: "m", note: "y", cpuModel: "d" }, ["name", "cpuModel"]);
            expect(store.find("host", id)).to.include({ name: "m", note: "x", cpuModel: "d" });
            store.update(id, "host", {}, ["name", "powerCommandPolicy"]);
            expect(store.find("host", id)?.name).to.equal(undefined);
            expect(store.find("host", id)?.powerCommandPolicy).to.equal("POWER_COMMAND_POLICY_IMMEDIATE");
        });

        it("refuse an immutable field when it has a value, and blank it when it has none", () => {
            const { resourceId } = store.create("os", PROJECT, { ...OS, name: "n" });
            const rename = (): unknown => store.update(resourceId, "os", { name: "n" }, ["name"]);
            expect(refusal(rename)).to.equal("InvalidArgument: field name is immutable");
            store.update(resourceId, "os", {}, ["name"]);
            expect(store.find("os", resourceId)?.name).to.equal(undefined);
        });

        it("that are empty write every value but the immutable ones", () => {
            const { resourceId } = store.create("os", PROJECT, { ...OS, name: "n", tlsCaCert: "old" });
            store.update(resourceId, "os", { name: "m", tlsCaCert: "new" }, []);
            expect(store.find("os", resourceId)).to.include({ name: "n", tlsCaCert: "new" });
        });

        it("reach a row of another kind, whose message counts as empty", () => {
            const id = host({ name: "n" });
            store.update(id, "os", { name: "m" }, ["name"]);
            expect(store.find("host", id)?.name).to.equal(undefined);
            const wrong = (): unknown => store.update(id, "os", { architecture: "a" }, ["architecture"]);
            expect(refusal(wrong)).to.equal("Internal: unknown HostResource unique edge architecture");
        });

        it("cannot clear a reference that is required", () => {
            const id = instanceOn(host());
            expect(refusal(() => store.update(id, "instance", {}, ["os"]))).to.contain(
                "Internal: null value",
            );
        });
    });

    describe("a host's states", () => {
        it("move as the inventory allows", () => {
            const id = host();
            setState(id, "HOST_STATE_ONBOARDED");
            const want = (desiredState: string) => () =>
                store.update(id, "host", { desiredState }, ["desiredState"]);
            expect(refusal(want("HOST_STATE_REGISTERED"))).to.contain("HOST_STATE_REGISTERED is not allowed");
            expect(refusal(want("HOST_STATE_UNTRUSTED"))).to.equal("accepted");
        });

        it("lose a wish for deletion when another state is asked for", () => {
            const id = host();
            store.delete(id);
            store.update(id, "host", { desiredState: "HOST_STATE_ONBOARDED" }, ["desiredState"]);
            setState(id, "HOST_STATE_DELETED");
            expect(store.find("host", id)).to.include({
                desiredState: "HOST_STATE_ONBOARDED",
                currentState: "HOST_STATE_DELETED",
            });
        });
    });

    describe("the manager", () => {
        const finish = (kind: "host" | "instance", resourceId: string): ManagerWrite => ({
            op: "update",
            kind,
            resourceId,
            fields: { currentState: `${kind.toUpperCase()}_STATE_DELETED` },
            mask: ["current_state"],
        });

        it("removes what is to be deleted, instances before hosts and parts before both", () => {
            const id = host();
            const instance = instanceOn(id);
            const disk = store.manager({
                op: "create",
                kind: "hoststorage",
                fields: { tenantId: PROJECT, host: { resourceId: id }, capacityBytes: "256060514304" },
            });
            store.delete(id);
            store.delete(instance);
            expect(store.manager(finish("host", id))).to.include({ ok: false, code: "FailedPrecondition" });
            expect(store.manager(finish("instance", instance))).to.have.property("ok", true);
            expect(store.manager(finish("host", id))).to.include({ ok: false, code: "FailedPrecondition" });
            if (!disk.ok) throw new Error(disk.message);
            expect(store.find("hoststorage", disk.resourceId)?.capacityBytes).to.equal(256060514304);
            store.manager({ op: "delete", kind: "hoststorage", resourceId: disk.resourceId });
            expect(store.manager(finish("host", id))).to.have.property("ok", true);
            expect(store.hosts()).to.deep.equal([]);
        });

        it("does not remove what nobody wants deleted", () => {
            const id = host();
            store.manager(finish("host", id));
            expect(store.find("host", id)?.currentState).to.equal("HOST_STATE_DELETED");
        });

        it("may not write what users want", () => {
            const write = {
                op: "update",
                kind: "host",
                resourceId: host(),
                mask: ["desired_state"],
            } as const;
            const result = store.manager({ ...write, fields: { desiredState: "HOST_STATE_REGISTERED" } });
            expect(result).to.include({ ok: false, code: "PermissionDenied" });
        });

        it("is told what is wrong with a write", () => {
            const resourceId = host();
            const write = { op: "update", kind: "host", resourceId } as const;
            const results = [
                store.manager({ ...write, fields: { nosuch: 1 }, mask: [] }),
                store.manager({ ...write, fields: {}, mask: ["no_such"] }),
                store.manager({ ...write, fields: { currentState: "ONBOARDED" }, mask: ["current_state"] }),
                store.manager({ ...write, fields: { cpuCores: "many" }, mask: ["cpu_cores"] }),
            ];
            for (const result of results) expect(result).to.include({ ok: false, code: "InvalidArgument" });
            const unknown = store.manager({
                ...write,
                resourceId: "host-00000000",
                fields: {},
                mask: ["note"],
            });
            expect(unknown).to.include({ ok: false, code: "NotFound", message: "host_resource not found" });
        });
    });

    describe("listeners", () => {
        it("hear of each committed write until they leave", () => {
            const heard: StoreChange["type"][] = [];
            const leave = store.onChange(({ type }) => heard.push(type));
            const { resourceId } = store.create("region", PROJECT, { name: "r" });
            store.update(resourceId, "region", { name: "s" }, ["name"]);
            refusal(() => store.update(resourceId, "region", { parentRegion: resourceId }, ["parentRegion"]));
            store.delete(resourceId);
            leave();
            store.create("region", PROJECT, { name: "t" });
            expect(heard).to.deep.equal(["created", "updated", "deleted"]);
        });
    });

    describe("persistence", () => {
        it("brings back rows, projects and constraints", () => {
            store.addProject({ name: "p", uid: PROJECT, description: "d" });
            const id = host({ name: "n" });
            const instance = instanceOn(id);
            const loaded = EmfStore.load(JSON.parse(JSON.stringify(store)) as StoreSnapshot);
            expect(JSON.stringify(loaded)).to.equal(JSON.stringify(store));
            expect(loaded.project("p")).to.deep.equal({ name: "p", uid: PROJECT, description: "d" });
            expect(loaded.instanceOf(id)?.resourceId).to.equal(instance);
            expect(refusal(() => loaded.create("host", OTHER, { uuid: "u1" }))).to.contain(
                "host_resources_uuid_key",
            );
        });

        it("refuses a format it does not know", () => {
            const snapshot = { ...store.toJSON(), format: "emf-store/99" } as unknown as StoreSnapshot;
            expect(() => EmfStore.load(snapshot)).to.throw("emf-store/99");
        });

        it("hands out rows that later writes do not change", () => {
            const id = host({ name: "before" });
            const row = store.find("host", id);
            store.update(id, "host", { name: "after" }, ["name"]);
            expect(row?.name).to.equal("before");
        });
    });
});
