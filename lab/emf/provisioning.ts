import { partitionDevice, targetDisk, type DeviceState } from "./device";
import { efiPartition, rootPartition, type Partition } from "./disk";
import { ImageError, ImageTimeout, writeImage } from "./imageWriter";
import { failed, Gone, idle, inProgress, type Status } from "./resourceManager";
import type { InstanceRow, OsRow } from "./store";
import { hang, type World } from "./world";

const STEP_MS = 85;
/** The platform tries for ten minutes; so does the lab, in its own time. */
const STREAM_ATTEMPTS = 3;
const STREAM_RETRY_MS = 250;
/** The platform's time limit of a step, in the lab's time. */
const STEP_TIMEOUT_MS = 2000;

const NO_OS = "Failed to get the disk device: Most likely no OS was installed";

/** Why a step of the installation failed, in the platform's words. */
class StepFailed extends Error {}

/** What is installed, and what the steps find out on the way. */
interface Installation {
    readonly device: DeviceState;
    readonly instance: InstanceRow;
    readonly os: OsRow;
    readonly world: World;
    readonly signal: AbortSignal;
    partitions: Partition[];
}

interface Step {
    /** As the status shows it (`WorkflowStepToStatusDetail` of infra-onboarding). */
    readonly text: string;
    readonly run?: (installation: Installation) => Promise<void> | void;
}

/**
 * Installs the instance's OS on the machine and writes the progress. False when it has failed, which is final for this
 * instance.
 */
export async function provision(
    device: DeviceState,
    instance: InstanceRow,
    os: OsRow,
    world: World,
    signal: AbortSignal,
): Promise<boolean> {
    const installation: Installation = { device, instance, os, world, signal, partitions: [] };
    const steps = stepsOf(os, instance);
    for (const [index, step] of steps.entries()) {
        const place = `${index + 1}/${steps.length}: ${step.text}`;
        report(world, instance, inProgress(`Provisioning In Progress: ${place}`));
        try {
            await breakIfDefective(installation, step);
            await step.run?.(installation);
            await world.pace.wait(STEP_MS, signal);
        } catch (error) {
            signal.throwIfAborted();
            report(world, instance, failed(`Provisioning Failed: ${place} ${outcomeOf(error)}`));
            return false;
        }
    }
    world.manager.instance(instance.resourceId, {
        currentState: "INSTANCE_STATE_RUNNING",
        ...world.manager.status("provisioningStatus", idle("Provisioned")),
    });
    return true;
}

function report({ manager }: World, { resourceId }: InstanceRow, status: Status): void {
    manager.instance(resourceId, manager.status("provisioningStatus", status));
}

function outcomeOf(error: unknown): string {
    if (error instanceof Gone) {
        throw error;
    }
    return error instanceof ImageTimeout ? "timeout" : `failed: ${(error as Error).message}`;
}

/** The steps of the platform's two workflows (templates ubuntu.yaml and microvisor.yaml), in their order. */
function stepsOf(os: OsRow, instance: InstanceRow): Step[] {
    const encrypted = instance.securityFeature === "SECURITY_FEATURE_SECURE_BOOT_AND_FULL_DISK_ENCRYPTION";
    const custom = (instance.customConfig ?? []).length > 0;
    const mutable = os.osType === "OS_TYPE_MUTABLE";
    const steps: (Step | false)[] = [
        { text: "Verifying Secure Boot settings", run: verifySecureBoot },
        { text: "Erasing data from all non-removable disks", run: eraseDisks },
        { text: "Streaming OS image", run: streamImage },
        mutable && { text: "Configuring APT proxy settings", run: writeToRoot },
        { text: "Installing cloud-init", run: writeToRoot },
        custom && { text: "Copying custom cloud-init configs", run: writeToRoot },
        custom && { text: "Installing custom cloud-init configs", run: writeToRoot },
        { text: "Setting up cloud-init", run: writeToRoot },
        mutable && { text: "Downloading installation scripts", run: writeToRoot },
        mutable && { text: "Installing packages", run: writeToRoot },
        mutable && { text: "Applying system configuration", run: writeToRoot },
        mutable && encrypted && { text: "Setting FDE encryption", run: findBootPartition },
        mutable && { text: "Upgrading kernel", run: mountBootPartition },
        !mutable && { text: "Enabling OS security features", run: findBootPartition },
        { text: "Setting boot option" },
        { text: "Rebooting" },
    ];
    return steps.filter((step) => step !== false);
}

async function breakIfDefective({ device, world, signal }: Installation, step: Step): Promise<void> {
    const { defect } = device;
    if (!defect || !step.text.toLowerCase().includes(defect.at.toLowerCase())) {
        return;
    }
    await world.pace.wait(STEP_MS, signal);
    if (defect.do === "hang") {
        await hang(signal);
    }
    throw new StepFailed(defect.message ?? "exit status 1");
}

/** The firmware's setting and the instance's wish have to agree, in both directions (securebootflag). */
function verifySecureBoot({ device, instance }: Installation): void {
    const { secureBoot } = device;
    const wanted = instance.securityFeature !== "SECURITY_FEATURE_NONE";
    if (secureBoot !== undefined && secureBoot !== wanted) {
        throw new StepFailed("Verifying Secure Boot Settings Mismatch");
    }
}

function eraseDisks({ device, world }: Installation): void {
    delete device.installed;
    world.keep(device);
}

async function streamImage(installation: Installation): Promise<void> {
    const { device, os, world, signal } = installation;
    const disk = targetDisk(device.hardware);
    if (!disk) {
        throw new StepFailed("Drive detection Error: No valid drives found.");
    }
    const profile = {
        imageUrl: os.imageUrl ?? "",
        sha256: os.sha256 ?? "",
        tlsCaCert: os.tlsCaCert ?? "",
        osType: os.osType ?? "OS_TYPE_MUTABLE",
    };
    for (let attempt = 1; ; attempt++) {
        try {
            installation.partitions = await world.streams.take(() => {
                signal.throwIfAborted();
                return writeImage(profile, {
                    disk: { device: `/dev/${disk.deviceName}`, capacity: disk.capacityBytes },
                    systemRoots: world.systemRoots,
                    scratch: world.scratch,
                    signal,
                });
            });
            return;
        } catch (error) {
            if (error instanceof ImageTimeout) {
                await world.pace.wait(STEP_TIMEOUT_MS, signal);
            }
            if (!(error instanceof ImageError) || attempt === STREAM_ATTEMPTS) {
                throw error;
            }
            await world.pace.wait(STREAM_RETRY_MS, signal);
        }
    }
}

/** Every step that writes a file mounts the root partition as ext4; without one it is here that a bad image shows. */
function writeToRoot({ device, partitions }: Installation): void {
    const disk = `/dev/${targetDisk(device.hardware)?.deviceName ?? ""}`;
    const root = rootPartition(partitions);
    if (!root) {
        // The platform's text has no blank before the disk either.
        throw new StepFailed(`root partition not found for disk${disk}`);
    }
    if (root.fileSystem !== "ext4" && root.fileSystem !== "ext2") {
        const file = partitionDevice(disk, root.number);
        throw new StepFailed(`Mounting [${file}] -> [/mountAction] error [invalid argument]`);
    }
}

/** os_selection.sh looks for the disk by its boot flag, which is parted's name for an EFI system partition. */
function findBootPartition({ partitions }: Installation): void {
    if (!partitions.some(({ isEfiSystem }) => isEfiSystem)) {
        throw new StepFailed(NO_OS);
    }
    if (!efiPartition(partitions)) {
        throw new StepFailed("mount: /boot/efi: wrong fs type, bad option, bad superblock");
    }
}

/** kernel_upgrade.sh mounts the EFI system partition below the root. */
function mountBootPartition({ partitions }: Installation): void {
    if (!efiPartition(partitions)) {
        throw new StepFailed("mount: can't find /mnt/boot/efi in /etc/fstab");
    }
}
