import { parseDocument } from "yaml";
import type { Job } from "../store";
import { unhandled } from "./problem";

/**
 * The service pastes values into YAML templates as they are. What breaks the YAML is an unhandled exception there,
 * half-way through the creation of the job's objects; what merely changes its meaning is not noticed.
 */
export function pasteKey(publicKey: string): void {
    parses(`data:\n  authorized_keys:\n    public_key:\n        ${publicKey}\n`);
}

export function pasteJob(job: Job): void {
    const values = {
        IMS_JOB_ID: job.id,
        IMAGE_ROOT_PARENT: "/mnt/image",
        IMAGE_ROOT_ARCHIVE_NAME: job.image_root_archive_name,
        KERNEL_FILENAME: job.kernel_file_name,
        INITRD_FILENAME: job.initrd_file_name,
        KERNEL_PARAMETERS_FILENAME: job.kernel_parameters_file_name,
    };
    const lines = Object.entries(values).flatMap(([name, value]) => [
        `  - name: ${name}`,
        `    value: ${value}`,
    ]);
    parses(`env:\n${lines.join("\n")}\n`);
}

function parses(template: string): void {
    if (parseDocument(template).errors.length > 0) throw unhandled();
}
