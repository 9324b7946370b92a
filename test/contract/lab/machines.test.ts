import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import * as zlib from "node:zlib";
import { expect } from "chai";
import { startLab, type DeviceSettings, type Lab } from "../../../lab";
import type { HostRow, InstanceRow } from "../../../lab/emf/store";
import { ESP, ROOT, tinyImage, type TinyPartition } from "../../unit/lab/tinyImage";

const SECURE = "SECURITY_FEATURE_SECURE_BOOT_AND_FULL_DISK_ENCRYPTION";
const UUID = "0f2d4b8a-93a1-4b5c-9d5e-1c2b3a4d5e6f";
const OTHER_UUID = "11111111-2222-4333-8444-555555555555";

interface Wishes {
    serial?: string;
    uuid?: string;
    osType?: string;
    securityFeature?: string;
    /** The image; without one the good one. */
    partitions?: readonly TinyPartition[];
    sha256?: string;
    tlsCaCert?: string;
}

describe("machines of the lab", () => {
    let lab: Lab;
    let names = 0;
    beforeEach(async () => (lab = await startLab({ speed: 25 })));
    afterEach(() => lab.close());

    async function profile(wishes: Wishes = {}): Promise<string> {
        const name = `image-${++names}`;
        const image = zlib.gzipSync(tinyImage(wishes.partitions ?? [ROOT, ESP]));
        fs.writeFileSync(path.join(lab.images.directory, `${name}.raw.gz`), image);
        const { resourceId } = await lab.emf.create("compute/os", {
            name,
            imageUrl: `${lab.images.baseUrl}/${name}.raw.gz`,
            sha256: wishes.sha256 ?? crypto.createHash("sha256").update(image).digest("hex"),
            osType: wishes.osType ?? "OS_TYPE_MUTABLE",
            osProvider: "OS_PROVIDER_KIND_INFRA",
            tlsCaCert: wishes.tlsCaCert ?? Buffer.from(lab.images.certificate).toString("base64"),
            securityFeature: wishes.securityFeature ?? SECURE,
        });
        return resourceId;
    }

    async function register(wishes: Wishes = {}, autoOnboard = true): Promise<string> {
        const { serial, uuid } =
            (wishes.serial ?? wishes.uuid) ? wishes : { serial: "SN00001", uuid: undefined };
        const host = (await lab.emf.request("POST", "compute/hosts/register", {
            name: "node",
            autoOnboard,
            ...(serial === undefined ? {} : { serialNumber: serial }),
            ...(uuid === undefined ? {} : { uuid }),
        })) as { resourceId: string };
        return host.resourceId;
    }

    async function instantiate(hostID: string, osID: string, securityFeature = SECURE): Promise<string> {
        const body = { hostID, osID, securityFeature, kind: "INSTANCE_KIND_METAL" };
        return (await lab.emf.create("compute/instances", body)).resourceId;
    }

    const host = (id: string): HostRow | undefined => lab.emf.store.find("host", id);
    const instance = (id: string): InstanceRow | undefined => lab.emf.store.find("instance", id);
    const settled = (text: string | undefined): boolean =>
        /^(Provisioned|Provisioning Failed)/.test(text ?? "");

    /** From nothing to the end of the installation; returns its status. */
    async function installed(wishes: Wishes = {}): Promise<string> {
        lab.emf.autoBoot = true;
        const osId = await profile(wishes);
        const id = await instantiate(await register(), osId, wishes.securityFeature);
        await lab.emf.until(() => settled(instance(id)?.provisioningStatus), "the end of the installation");
        return instance(id)?.provisioningStatus ?? "";
    }

    /** A host whose machine runs its system. */
    async function running(
        device: DeviceSettings = { serial: "SN00001" },
    ): Promise<{ hostId: string; instanceId: string }> {
        const machine = lab.emf.addDevice(device);
        const hostId = await register({ serial: machine.serial });
        const instanceId = await instantiate(hostId, await profile());
        machine.boot();
        await lab.emf.until(() => instance(instanceId)?.instanceStatus === "Running", "a running system");
        return { hostId, instanceId };
    }

    describe("from registration to running", () => {
        it("go through every state of the platform, in its words", async () => {
            const machine = lab.emf.addDevice({ serial: "SN00001" });
            const seen: string[] = [];
            const note = (text: string | undefined): void => {
                if (text !== undefined && seen.at(-1) !== text && !seen.includes(text)) {
                    seen.push(text);
                }
            };
            lab.emf.store.onChange(({ kind, resourceId }) => {
                const [aHost, anInstance] = [host(resourceId), instance(resourceId)];
                if (kind === "host" && aHost) {
                    note(`${aHost.currentState} / ${aHost.onboardingStatus} / ${aHost.hostStatus}`);
                } else if (kind === "instance" && anInstance) {
                    note(anInstance.provisioningStatus);
                    note(`instance ${anInstance.currentState} / ${anInstance.instanceStatus}`);
                }
            });
            const osId = await profile({ osType: "OS_TYPE_IMMUTABLE" });
            const hostId = await register();
            const instanceId = await instantiate(hostId, osId);
            machine.boot();
            await lab.emf.until(() => instance(instanceId)?.instanceStatus === "Running", "a running system");
            expect(seen.filter((text) => !text.includes("undefined"))).to.deep.equal([
                "HOST_STATE_UNSPECIFIED / Not Connected / Not Connected",
                "Not Provisioned",
                "HOST_STATE_REGISTERED / Not Connected / Not Connected",
                "HOST_STATE_REGISTERED / Device initialized / Not Connected",
                "HOST_STATE_ONBOARDED / Onboarded / Not Connected",
                "Provisioning In Progress: 1/8: Verifying Secure Boot settings",
                "Provisioning In Progress: 2/8: Erasing data from all non-removable disks",
                "Provisioning In Progress: 3/8: Streaming OS image",
                "Provisioning In Progress: 4/8: Installing cloud-init",
                "Provisioning In Progress: 5/8: Setting up cloud-init",
                "Provisioning In Progress: 6/8: Enabling OS security features",
                "Provisioning In Progress: 7/8: Setting boot option",
                "Provisioning In Progress: 8/8: Rebooting",
                "Provisioned",
                "instance INSTANCE_STATE_RUNNING / Not Installed",
                "HOST_STATE_ONBOARDED / Onboarded / Rebooting",
                "HOST_STATE_ONBOARDED / Onboarded / Booting",
                "instance INSTANCE_STATE_RUNNING / Initializing",
                "HOST_STATE_ONBOARDED / Onboarded / Running",
                "instance INSTANCE_STATE_RUNNING / Running",
            ]);
            const answer = await lab.emf.get("compute/hosts", hostId);
            expect(answer).to.include({
                registrationStatus: "Host is Registered",
                registrationStatusIndicator: "STATUS_INDICATION_IDLE",
                onboardingStatusIndicator: "STATUS_INDICATION_IDLE",
                hostStatusIndicator: "STATUS_INDICATION_IDLE",
                uuid: lab.emf.device("SN00001").state.uuid,
                memoryBytes: "17179869184",
            });
            expect(answer.hostStorages).to.have.lengthOf(1);
            expect(answer.hostNics).to.have.lengthOf(1);
            expect(answer.instance).to.include({
                provisioningStatusIndicator: "STATUS_INDICATION_IDLE",
                instanceStatusDetail: "all components running",
            });
        });

        it("have the steps of the profile's type, security and configs", async () => {
            const customConfig = await lab.emf.create("customConfigs", {
                name: "motd",
                config: "#cloud-config\n",
            });
            lab.emf.autoBoot = true;
            const texts = new Set<string>();
            lab.emf.store.onChange(({ kind, resourceId }) => {
                const text = kind === "instance" ? instance(resourceId)?.provisioningStatus : undefined;
                texts.add(/: (\d+\/\d+: .*)/.exec(text ?? "")?.[1] ?? "");
            });
            const body = {
                hostID: await register(),
                osID: await profile(),
                securityFeature: SECURE,
                kind: "INSTANCE_KIND_METAL",
                customConfigID: [customConfig.resourceId],
            };
            const { resourceId } = await lab.emf.create("compute/instances", body);
            await lab.emf.until(
                () => instance(resourceId)?.provisioningStatus === "Provisioned",
                "the installation",
            );
            expect(texts).to.include("6/15: Copying custom cloud-init configs");
            expect(texts).to.include("12/15: Setting FDE encryption");
            expect(texts).to.include("15/15: Rebooting");
        });

        it("stop as registered until somebody wants them onboarded", async () => {
            lab.emf.autoBoot = true;
            const id = await register({}, false);
            await lab.emf.until(() => host(id)?.currentState === "HOST_STATE_REGISTERED", "the registration");
            expect(host(id)?.onboardingStatus).to.equal("Not Connected");
            await lab.emf.request("PATCH", `compute/hosts/${id}/onboard`);
            await lab.emf.until(() => host(id)?.currentState === "HOST_STATE_ONBOARDED", "the onboarding");
        });

        it("take two to three seconds at their own pace", async () => {
            await lab.close();
            lab = await startLab({ autoBoot: true });
            const start = performance.now();
            const id = await instantiate(await register(), await profile());
            await lab.emf.until(() => instance(id)?.instanceStatus === "Running", "a running system");
            expect(performance.now() - start).to.be.within(1500, 4500);
        });
    });

    describe("and their registration", () => {
        for (const [what, wishes, device, expected] of [
            [
                "by serial number alone",
                { serial: "SN00001" },
                { serial: "SN00001", uuid: UUID },
                "Host is Registered",
            ],
            ["by UUID alone", { uuid: UUID }, { serial: "SN00001", uuid: UUID }, "Host is Registered"],
            [
                "by both",
                { serial: "SN00001", uuid: UUID },
                { serial: "SN00001", uuid: UUID },
                "Host is Registered",
            ],
            [
                "with another UUID",
                { serial: "SN00001", uuid: OTHER_UUID },
                { serial: "SN00001", uuid: UUID },
                `Host Registration Failed due to mismatch of UUID, Reported UUID is: ${UUID}`,
            ],
            [
                "with another serial number",
                { serial: "SN99999", uuid: UUID },
                { serial: "SN00001", uuid: UUID },
                "Host Registration Failed due to mismatch of Serial Number, Reported Serial Number is: SN00001",
            ],
        ] as const) {
            it(`${what}: ${expected}`, async () => {
                const id = await register(wishes);
                lab.emf.addDevice(device).boot();
                await lab.emf.until(() => host(id)?.registrationStatus === expected, expected);
                const isError = expected.includes("Failed");
                expect(host(id)?.registrationStatusIndicator).to.equal(
                    `STATUS_INDICATION_${isError ? "ERROR" : "IDLE"}`,
                );
                if (!isError) {
                    await lab.emf.until(
                        () => host(id)?.currentState === "HOST_STATE_ONBOARDED",
                        "the onboarding",
                    );
                    expect(host(id)?.uuid).to.equal(UUID);
                }
            });
        }

        it("may come after the machine has been switched on", async () => {
            lab.emf.addDevice({ serial: "SN00001" }).boot();
            const id = await register();
            await lab.emf.until(() => host(id)?.currentState === "HOST_STATE_ONBOARDED", "the onboarding");
        });

        it("changes nothing while the machine is off", async () => {
            const machine = lab.emf.addDevice({ serial: "SN00001" });
            const id = await register();
            machine.boot();
            machine.off();
            lab.emf.addDevice({ serial: "SN00002" }).boot();
            const other = await register({ serial: "SN00002" });
            await lab.emf.until(
                () => host(other)?.currentState === "HOST_STATE_ONBOARDED",
                "the other machine",
            );
            expect(host(id)?.currentState).to.equal("HOST_STATE_UNSPECIFIED");
        });
    });

    describe("and a bad image", () => {
        for (const [what, wishes, expected] of [
            [
                "another checksum",
                { sha256: "0".repeat(64) },
                "Provisioning Failed: 3/13: Streaming OS image failed: error writing image to disk: Image SHA-256 hash mismatch",
            ],
            [
                "a certificate nobody has",
                { tlsCaCert: "" },
                /^Provisioning Failed: 3\/13: Streaming OS image failed: .*x509: certificate signed by unknown authority$/,
            ],
            [
                "no root partition",
                { partitions: [ESP] },
                "Provisioning Failed: 4/13: Configuring APT proxy settings failed: root partition not found for disk/dev/sda",
            ],
            [
                "a root that is no ext4",
                { partitions: [{ type: "linux", name: "rootfs", fileSystem: "vfat" }, ESP] },
                "Provisioning Failed: 4/13: Configuring APT proxy settings failed: Mounting [/dev/sda1] -> [/mountAction] error [invalid argument]",
            ],
            [
                "no EFI system partition",
                { partitions: [ROOT] },
                "Provisioning Failed: 10/13: Setting FDE encryption failed: Failed to get the disk device: Most likely no OS was installed",
            ],
            [
                "no EFI system partition, unencrypted",
                { partitions: [ROOT], securityFeature: "SECURITY_FEATURE_NONE" },
                /^Provisioning Failed: 10\/12: Upgrading kernel failed: mount: can't find \/mnt\/boot\/efi/,
            ],
            [
                "no EFI system partition, immutable",
                { partitions: [ROOT], osType: "OS_TYPE_IMMUTABLE" },
                "Provisioning Failed: 6/8: Enabling OS security features failed: Failed to get the disk device: Most likely no OS was installed",
            ],
        ] as const) {
            it(`with ${what} fails as on the platform`, async () => {
                const status = await installed(wishes);
                if (typeof expected === "string") {
                    expect(status).to.equal(expected);
                } else {
                    expect(status).to.match(expected);
                }
            });
        }

        it("is final for its instance, and repaired by another", async () => {
            lab.emf.autoBoot = true;
            const hostId = await register();
            const bad = await instantiate(hostId, await profile({ partitions: [] }));
            await lab.emf.until(() => settled(instance(bad)?.provisioningStatus), "the failure");
            expect(instance(bad)?.provisioningStatusIndicator).to.equal("STATUS_INDICATION_ERROR");
            expect(instance(bad)?.currentState).to.equal(undefined);
            await lab.emf.remove("compute/instances", bad);
            await lab.emf.until(() => !instance(bad), "the deletion");
            const good = await instantiate(hostId, await profile());
            await lab.emf.until(() => instance(good)?.instanceStatus === "Running", "a running system");
        });

        it("is left alone where another provider installs", async () => {
            const file = await profile();
            const { imageUrl, sha256 } = lab.emf.store.find("os", file) ?? {};
            const lenovo = { name: "lenovo", imageUrl, sha256, osType: "OS_TYPE_MUTABLE" };
            const { resourceId } = await lab.emf.create("compute/os", {
                ...lenovo,
                osProvider: "OS_PROVIDER_KIND_LENOVO",
            });
            lab.emf.autoBoot = true;
            const hostId = await register();
            const id = await instantiate(hostId, resourceId);
            await lab.emf.until(
                () => host(hostId)?.currentState === "HOST_STATE_ONBOARDED",
                "the onboarding",
            );
            expect(instance(id)?.provisioningStatus).to.equal("Not Provisioned");
        });
    });

    describe("with a defect", () => {
        for (const [at, kind, read, expected] of [
            ["registration", "host", "registrationStatus", "Host Registration Failed"],
            ["initialization", "host", "onboardingStatus", "Device initialization failed"],
            ["onboarding", "host", "onboardingStatus", "Onboarding Failed"],
            ["running", "host", "hostStatus", "Error"],
            [
                "upgrading kernel",
                "instance",
                "provisioningStatus",
                "Provisioning Failed: 11/13: Upgrading kernel failed: no network",
            ],
        ] as const) {
            it(`at ${at}: ${expected}`, async () => {
                lab.emf
                    .addDevice({ serial: "SN00001", defect: { at, do: "fail", message: "no network" } })
                    .boot();
                const hostId = await register();
                const instanceId = await instantiate(hostId, await profile());
                const status = (): string | undefined =>
                    kind === "host" ? host(hostId)?.[read] : instance(instanceId)?.[read];
                await lab.emf.until(() => status() === expected, expected);
            });
        }

        it("that hangs stay where they are until they are repaired and boot", async () => {
            const machine = lab.emf.addDevice({
                serial: "SN00001",
                defect: { at: "onboarding", do: "hang" },
            });
            machine.boot();
            const id = await register();
            await lab.emf.until(
                () => host(id)?.onboardingStatus === "Device initialized",
                "the hanging machine",
            );
            machine.repair();
            machine.boot();
            await lab.emf.until(() => host(id)?.currentState === "HOST_STATE_ONBOARDED", "the onboarding");
        });

        it("that boot in the middle of an installation are sent away, as they have been onboarded", async () => {
            const machine = lab.emf.addDevice({ serial: "SN00001", defect: { at: "Streaming", do: "hang" } });
            machine.boot();
            const id = await instantiate(await register(), await profile());
            await lab.emf.until(
                () => instance(id)?.provisioningStatus?.includes("Streaming") ?? false,
                "the stream",
            );
            machine.repair();
            machine.boot();
            await running({ serial: "SN00002" });
            expect(instance(id)?.provisioningStatus).to.match(/^Provisioning In Progress: 3\/13/);
        });

        for (const [secureBoot, securityFeature, fails] of [
            [true, SECURE, false],
            [false, SECURE, true],
            [true, "SECURITY_FEATURE_NONE", true],
            [false, "SECURITY_FEATURE_NONE", false],
        ] as const) {
            it(`Secure Boot ${secureBoot ? "on" : "off"} and ${securityFeature}: ${fails ? "refused" : "installed"}`, async () => {
                lab.emf.addDevice({ serial: "SN00001", secureBoot }).boot();
                const id = await instantiate(
                    await register(),
                    await profile({ securityFeature }),
                    securityFeature,
                );
                await lab.emf.until(
                    () => settled(instance(id)?.provisioningStatus),
                    "the end of the installation",
                );
                expect(instance(id)?.provisioningStatus).to.equal(
                    fails
                        ? `Provisioning Failed: 1/${securityFeature === SECURE ? 13 : 12}: Verifying Secure Boot settings failed: Verifying Secure Boot Settings Mismatch`
                        : "Provisioned",
                );
            });
        }
    });

    describe("that run", () => {
        it("are not installed again by another profile", async () => {
            const { hostId, instanceId } = await running();
            const before = instance(instanceId)?.provisioningStatusTimestamp;
            const osId = await profile();
            await lab.emf.patch("compute/instances", instanceId, { osID: osId });
            await lab.emf.patch("compute/hosts", hostId, { name: "renamed" });
            expect(instance(instanceId)).to.include({ os: osId, provisioningStatus: "Provisioned" });
            expect(instance(instanceId)?.provisioningStatusTimestamp).to.equal(before);
            expect(lab.emf.device("SN00001").state.installed?.os).to.not.equal(osId);
        });

        it("do nothing for a new registration until they boot", async () => {
            const { hostId, instanceId } = await running();
            await lab.emf.remove("compute/instances", instanceId);
            await lab.emf.remove("compute/hosts", hostId);
            await lab.emf.until(() => !host(hostId), "the deletion");
            const again = await register();
            const instanceAgain = await instantiate(again, await profile());
            expect(lab.emf.device("SN00001").state).to.include({ power: "on", running: "os" });
            // Another machine goes all the way in the meantime.
            await running({ serial: "SN00002" });
            expect(host(again)?.currentState).to.equal("HOST_STATE_UNSPECIFIED");
            lab.emf.device("SN00001").boot();
            await lab.emf.until(
                () => instance(instanceAgain)?.instanceStatus === "Running",
                "a running system",
            );
        });

        it("boot by themselves for a new registration where autoBoot is on", async () => {
            const { hostId, instanceId } = await running();
            lab.emf.autoBoot = true;
            await lab.emf.remove("compute/instances", instanceId);
            await lab.emf.remove("compute/hosts", hostId);
            await lab.emf.until(() => !host(hostId), "the deletion");
            const again = await instantiate(await register(), await profile());
            await lab.emf.until(() => instance(again)?.instanceStatus === "Running", "a running system");
        });

        it("start their own system again at a boot and at a power reset", async () => {
            const { hostId } = await running();
            const seen: (string | undefined)[] = [];
            lab.emf.store.onChange(() => {
                const status = host(hostId)?.hostStatus;
                if (seen.at(-1) !== status) {
                    seen.push(status);
                }
            });
            lab.emf.device("SN00001").boot();
            await lab.emf.until(
                () => seen.includes("Booting") && host(hostId)?.hostStatus === "Running",
                "the boot",
            );
            seen.length = 0;
            await lab.emf.patch("compute/hosts", hostId, {
                name: "n",
                desiredPowerState: "POWER_STATE_RESET",
            });
            await lab.emf.until(
                () => seen.includes("Booting") && host(hostId)?.hostStatus === "Running",
                "the reset",
            );
            expect(host(hostId)?.currentPowerState).to.equal("POWER_STATE_ON");
        });

        it("are missed when they are switched off, from here or by hand", async () => {
            const { hostId } = await running();
            lab.emf.device("SN00001").off();
            await lab.emf.until(() => host(hostId)?.hostStatus === "No Connection", "the lost connection");
            expect(host(hostId)?.hostStatusIndicator).to.equal("STATUS_INDICATION_ERROR");
            lab.emf.device("SN00001").boot();
            await lab.emf.until(() => host(hostId)?.hostStatus === "Running", "the boot");
            await lab.emf.patch("compute/hosts", hostId, { name: "n", desiredPowerState: "POWER_STATE_OFF" });
            await lab.emf.until(() => host(hostId)?.hostStatus === "No Connection", "the lost connection");
            expect(lab.emf.device("SN00001").state.power).to.equal("off");
        });
    });

    describe("and deletion", () => {
        it("of a host waits for its instance", async () => {
            const { hostId, instanceId } = await running();
            await lab.emf.remove("compute/hosts", hostId);
            const waiting = `Deleting: waiting on ${instanceId} deletion`;
            await lab.emf.until(() => host(hostId)?.hostStatus === waiting, waiting);
            await lab.emf.remove("compute/instances", instanceId);
            await lab.emf.until(() => !host(hostId) && !instance(instanceId), "both deletions");
            expect(lab.emf.store.list("hoststorage")).to.deep.equal([]);
        });

        it("of an instance ends its installation", async () => {
            lab.emf.addDevice({ serial: "SN00001", defect: { at: "Streaming", do: "hang" } }).boot();
            const hostId = await register();
            const id = await instantiate(hostId, await profile());
            await lab.emf.until(
                () => instance(id)?.provisioningStatus?.includes("Streaming") ?? false,
                "the stream",
            );
            lab.emf.device("SN00001").repair();
            await lab.emf.remove("compute/instances", id);
            await lab.emf.until(() => !instance(id), "the deletion");
            const next = await instantiate(hostId, await profile());
            await lab.emf.until(() => instance(next)?.instanceStatus === "Running", "a running system");
        });

        it("of the instance alone leaves a running machine that cannot be installed again", async () => {
            const { hostId, instanceId } = await running();
            await lab.emf.remove("compute/instances", instanceId);
            await lab.emf.until(() => !instance(instanceId), "the deletion");
            const next = await instantiate(hostId, await profile());
            lab.emf.device("SN00001").boot();
            await running({ serial: "SN00002" });
            expect(instance(next)?.provisioningStatus, "the host is onboarded already").to.equal(
                "Not Provisioned",
            );
        });

        it("is lost where somebody asks for another state in time", async () => {
            const { hostId, instanceId } = await running();
            await lab.emf.remove("compute/hosts", hostId);
            await lab.emf.request("PATCH", `compute/hosts/${hostId}/onboard`);
            await running({ serial: "SN00002" });
            expect(host(hostId)?.hostStatus).to.equal("Running");
            expect(instance(instanceId)?.instanceStatus).to.equal("Running");
        });

        it("after deauthorization: invalidated first, with unknown statuses", async () => {
            const { hostId, instanceId } = await running();
            await lab.emf.request("PUT", `compute/hosts/${hostId}/invalidate?note=stolen`);
            await lab.emf.until(
                () => host(hostId)?.currentState === "HOST_STATE_UNTRUSTED",
                "the deauthorization",
            );
            expect(host(hostId)).to.include({
                hostStatus: "Invalidated",
                hostStatusIndicator: "STATUS_INDICATION_IDLE",
            });
            expect(instance(instanceId)).to.include({
                instanceStatus: "Unknown",
                provisioningStatus: "Unknown",
            });
            lab.emf.device("SN00001").boot();
            await lab.emf.remove("compute/instances", instanceId);
            await lab.emf.remove("compute/hosts", hostId);
            await lab.emf.until(() => !host(hostId), "the deletion");
        });
    });

    it("go on after a restart of the lab in the middle of an installation", async () => {
        const dir = fs.mkdtempSync(path.join(lab.dir, "kept-"));
        const [outer, first] = [lab, await startLab({ dir, speed: 5, autoBoot: true })];
        lab = first;
        const hostId = await register();
        const id = await instantiate(hostId, await profile());
        await first.emf.until(
            () => instance(id)?.provisioningStatus?.includes("Installing") ?? false,
            "the middle",
        );
        await first.close();
        await using second = await startLab({ dir, speed: 25 });
        lab = second;
        expect(second.emf.autoBoot).to.equal(true);
        await second.emf.until(() => instance(id)?.instanceStatus === "Running", "a running system");
        lab = outer;
    });
});
