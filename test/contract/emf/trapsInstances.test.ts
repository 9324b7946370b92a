import { expect } from "chai";
import type { ApiObject } from "../../../lab";
import { edgeHost } from "../../../provider/emf/edgeHost.handler";
import { Row } from "../../support/row";
import { publicKey } from "../../support/sshKeys";
import { failure, TrapLab } from "../../support/traps";

const REGISTER = "compute/hosts/register";
const INSTANCES = "compute/instances";

describe("traps of EMF's instances", () => {
    let traps: TrapLab;
    let osID: string;
    let serials = 0;
    beforeEach(async () => {
        traps = await TrapLab.start({ workers: false });
        osID = (await traps.profile({ name: "ubuntu", securityFeature: "SECURITY_FEATURE_NONE" })).resourceId;
    });
    afterEach(() => traps[Symbol.asyncDispose]());

    function serial(): string {
        return `SN${String(++serials).padStart(5, "0")}`;
    }

    async function onNewHost(): Promise<ApiObject> {
        const { resourceId: hostID } = await traps.taken("POST", REGISTER, { serialNumber: serial() });
        return traps.taken("POST", INSTANCES, { hostID, osID });
    }

    it("an empty PATCH, or one of ignored keys, revives an instance that is being deleted", async () => {
        const { resourceId } = await onNewHost();
        for (const body of [{}, { localAccountID: "localaccount-00000000" }]) {
            await traps.taken("DELETE", `${INSTANCES}/${resourceId}`);
            await traps.taken("PATCH", `${INSTANCES}/${resourceId}`, body);
            expect(await traps.lab.emf.get(INSTANCES, resourceId)).to.include({
                desiredState: "INSTANCE_STATE_RUNNING",
            });
        }
        await traps.taken("DELETE", `${INSTANCES}/${resourceId}`);
        await traps.taken("PATCH", `${INSTANCES}/${resourceId}`, { name: "x" });
        const dying = await traps.lab.emf.get(INSTANCES, resourceId);
        expect(dying, "a name does not").to.include({ desiredState: "INSTANCE_STATE_DELETED" });

        traps.lab.emf.resetCalls();
        const client = traps.client();
        for (const body of [{}, { localAccountID: "x" }, { securityFeature: "x" }]) {
            await failure(client.patch("instances", resourceId, body as never));
        }
        expect(traps.lab.emf.calls().writes).to.equal(0);
    });

    it("another account, config or security feature in a PATCH is lost with 200", async () => {
        const account = await traps.taken("POST", "localAccounts", {
            username: "op",
            sshKey: publicKey("ssh-ed25519"),
        });
        const made = await onNewHost();
        await traps.taken("PATCH", `${INSTANCES}/${made.resourceId}`, {
            name: "x",
            localAccountID: account.resourceId,
            securityFeature: "SECURITY_FEATURE_SECURE_BOOT_AND_FULL_DISK_ENCRYPTION",
        });
        expect(await traps.lab.emf.get(INSTANCES, made.resourceId)).to.include({ localaccount: null });
        const error = await failure(
            traps
                .client()
                .patch("instances", made.resourceId, { localAccountID: account.resourceId } as never),
        );
        expect(error.message).to.contain("does not write localAccountID");
    });

    it("a security feature that the profile does not offer is taken", async () => {
        const { resourceId: hostID } = await traps.taken("POST", REGISTER, { serialNumber: serial() });
        const securityFeature = "SECURE_BOOT_AND_FULL_DISK_ENCRYPTION";
        await traps.taken("POST", INSTANCES, {
            hostID,
            osID,
            securityFeature: `SECURITY_FEATURE_${securityFeature}`,
        });
        const inputs = { serial: serial(), osProfile: osID, securityFeature };
        expect((await failure(new Row(edgeHost).up(inputs, traps.run()))).message).to.match(
            /^securityFeature: /,
        );
    });

    it("an instance without a host is taken", async () => {
        expect(await traps.taken("POST", INSTANCES, { osID })).to.include({ host: null });
        await traps.refused(400, "POST", INSTANCES, {});
        await new Row(edgeHost).up({ serial: serial(), osProfile: osID }, traps.run());
        const [host] = await traps.lab.emf.list("compute/hosts");
        expect(host?.instance).to.include({ desiredState: "INSTANCE_STATE_RUNNING" });
    });

    it("a host keeps its instance until the deletion is through, and takes no second one before", async () => {
        const { resourceId: hostID } = await traps.taken("POST", REGISTER, { serialNumber: serial() });
        const first = await traps.taken("POST", INSTANCES, { hostID, osID });
        await traps.taken("DELETE", `${INSTANCES}/${first.resourceId}`);
        const text = await traps.refused(400, "POST", INSTANCES, { hostID, osID });
        expect(text).to.contain("is already connected to a different");
        const error = await failure(
            traps.client().createOnce("instances", { hostID, osID }, { same: () => false }),
        );
        expect(error.name).to.equal("AlreadyExists");
    });

    it("a list of instances leaves out their configs, and a host its instance's account: no drift", async () => {
        const account = await traps.taken("POST", "localAccounts", {
            username: "op",
            sshKey: publicKey("ssh-ed25519"),
        });
        const config = await traps.taken("POST", "customConfigs", { name: "ntp", config: "#cloud-config\n" });
        const inputs = {
            serial: serial(),
            osProfile: osID,
            localAccount: account.resourceId,
            customConfigs: [config.resourceId],
        };
        const row = new Row(edgeHost);
        await row.up(inputs, traps.run());
        const { instances } = await traps.taken("GET", INSTANCES);
        expect((instances as ApiObject[])[0]).to.deep.include({ customConfig: [] });
        const { hosts } = await traps.taken("GET", "compute/hosts");
        expect((hosts as ApiObject[])[0]?.instance).to.include({ localAccountID: "" });

        expect(await row.refresh(traps.run())).to.deep.equal([]);
        expect(await row.up(inputs, traps.run())).to.equal("same");
    });

    it("answers to writes show neither inherited metadata nor the instance's profile", async () => {
        const where = await traps.taken("POST", "sites", {
            name: "s",
            metadata: [{ key: "line", value: "4" }],
        });
        const made = await onNewHost();
        const hostId = (made.host as ApiObject).resourceId;
        const answer = await traps.taken("PATCH", `compute/hosts/${hostId}`, {
            name: "x",
            siteId: where.resourceId,
        });
        expect(answer).to.deep.include({ inheritedMetadata: [] });
        expect(answer.instance).to.include({ os: null });

        const client = traps.client();
        await client.list("hosts");
        await client.patch("hosts", hostId, { name: "y" });
        const [known] = await client.list("hosts");
        expect(known?.inheritedMetadata).to.deep.equal([{ key: "line", value: "4" }]);
        expect(known?.instance?.os?.resourceId).to.equal(osID);
    });

    it("another profile on an installed host is linked and never installed", async () => {
        const other = await traps.profile({ name: "ubuntu-2", sha256: "1".repeat(64) });
        const row = new Row(edgeHost);
        const inputs = { serial: serial(), osProfile: osID };
        await row.up(inputs, traps.run());
        const [instance] = await traps.lab.emf.list(INSTANCES);
        const resourceId = instance?.resourceId ?? "";
        traps.lab.emf.store.manager({
            op: "update",
            kind: "instance",
            resourceId,
            fields: {
                currentState: "INSTANCE_STATE_RUNNING",
                provisioningStatus: "Provisioned",
                provisioningStatusIndicator: "STATUS_INDICATION_IDLE",
            },
            mask: ["current_state", "provisioning_status", "provisioning_status_indicator"],
        });
        const linked = await traps.taken("PATCH", `${INSTANCES}/${resourceId}`, { osID: other.resourceId });
        expect(linked).to.include({ currentState: "INSTANCE_STATE_RUNNING" });
        await traps.taken("PATCH", `${INSTANCES}/${resourceId}`, { osID });

        const { message } = await failure(row.up({ ...inputs, osProfile: other.resourceId }, traps.run()));
        expect(message).to.contain("eras").and.contain("reimage");
    });
});
