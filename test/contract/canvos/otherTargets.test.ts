import { expect } from "chai";
import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { messageOf } from "../../../provider/resource/errors";
import { CanvosMachine } from "../../support/canvos";
import { errorOf } from "../../support/failure";
import { blankDisk } from "../../unit/image/fixtures";

/** Of the targets that the tests' CanvOS leaves out; the disk comes from a file of the program. */
const MORE_TARGETS = `case "$TARGET" in
    kairos-raw-image) mkdir -p build && { [ ! -f hack/disk.raw ] || cp hack/disk.raw build/kairos.raw; } ;;
`;

describe("canvos.ApplianceImage: other targets", function () {
    this.timeout(60_000);
    let machine: CanvosMachine;
    let commit: string;

    before(async function () {
        machine = await CanvosMachine.start(this);
        const { repository } = machine;
        const text = (name: string): string => fs.readFileSync(path.join(repository.folder, name), "utf8");
        const script = text("earthly.sh");
        const last = script.lastIndexOf('case "$TARGET" in\n');
        commit = repository.commitFiles({
            Earthfile: `${text("Earthfile")}\nkairos-raw-image:\n    FROM alpine\n`,
            "earthly.sh":
                script.slice(0, last) + MORE_TARGETS + script.slice(last + 'case "$TARGET" in\n'.length),
        });
        fs.chmodSync(path.join(repository.folder, "earthly.sh"), 0o755);
    });
    after(async () => {
        await (machine as CanvosMachine | undefined)?.close();
    });

    function given(changes: Record<string, unknown>): Record<string, unknown> {
        const source = { git: machine.repository.folder, ref: commit };
        return machine.given({ source, arguments: { peVersion: "v4.8.10" }, ...changes });
    }

    it("have their files told, and a disk looked into", async () => {
        const disk = blankDisk(1024 * 512);
        fs.writeFileSync(path.join(machine.project, "disk.raw"), disk);
        const { outputs } = await machine.create(
            given({
                targets: ["kairos-raw-image", "uki-genkey"],
                files: { "hack/disk.raw": "disk.raw" },
                // Its partitions are empty.
                verify: { severity: { "disk.esp.opens": "off" } },
            }),
        );
        const names = outputs.artifacts.map(({ name }) => name);
        expect(names).to.deep.equal(["build/kairos.raw", "secure-boot/private-keys/db.key"]);
        const [raw] = outputs.artifacts;
        expect(raw).to.include({
            sizeBytes: disk.length,
            sha256: crypto.createHash("sha256").update(disk).digest("hex"),
        });
        expect(outputs.report).to.match(/disk\.gpt/);
        expect(Object.keys(outputs.durations.targets)).to.deep.equal(["kairos-raw-image", "uki-genkey"]);
        expect(outputs.images).to.deep.equal([]);
    });

    it("fail with a disk that could not boot", async () => {
        const disk = blankDisk(1024 * 512);
        disk.fill(0, 512, 1024);
        fs.writeFileSync(path.join(machine.project, "damaged.raw"), disk);
        const error = await errorOf(
            machine.create(
                given({ targets: ["kairos-raw-image"], files: { "hack/disk.raw": "damaged.raw" } }),
            ),
        );
        expect(messageOf(error)).to.match(/disk\.gpt\S* \(build\/kairos\.raw\)/);
    });

    it("fail that have made nothing and call it a success", async () => {
        const error = await errorOf(machine.create(given({ targets: ["kairos-raw-image"] })));
        expect(messageOf(error)).to.contain("+kairos-raw-image has not made build/kairos.raw");
    });

    it("are not built to validate user-data that is not there", async () => {
        const targets = ["validate-user-data"];
        const { problems } = await machine.check(given({ targets }));
        expect(problems[0]).to.contain("targets.0 validate-user-data looks at nothing without userData");
        const userData = { stylus: { managementMode: "local" } };
        const { outputs } = await machine.create(given({ targets, userData }));
        expect(fs.readFileSync(outputs.logFile, "utf8")).to.contain("Validation successful");
    });
});
