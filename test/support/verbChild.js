// One verb of one kind in a process of its own, as the dynamic-provider host would run it, so that a test can kill
// it at any point. Plain JavaScript on the built package: it is started hundreds of times.
const { provider } = require("pulumi-edge-os/provider-runtime");

const { kind, verb, id, olds, news, config, urn } = JSON.parse(process.env.VERB);

async function main() {
    const adapter = provider(kind);
    await adapter.configure({ config: { get: (key) => config[key] } });
    const hidden = { __provider: "provider", __ctx: { urn } };
    const checked = async () => {
        const { inputs, failures } = await adapter.check(olds ?? {}, { ...news, ...hidden });
        if (failures.length > 0)
            throw new Error(failures.map((f) => `${f.property}: ${f.reason}`).join("\n"));
        return { ...inputs, ...hidden };
    };
    switch (verb) {
        case "create":
            return adapter.create(await checked());
        case "update":
            return adapter.update(id, olds, await checked());
        case "read":
            return adapter.read(id, olds);
        case "delete":
            return adapter.delete(id, olds);
        default:
            throw new Error(`unknown verb ${verb}`);
    }
}

main().then(
    (result) => {
        process.stdout.write(JSON.stringify({ result: result ?? {} }), () => process.exit(0));
    },
    (error) => {
        const { id, properties, reasons } = error;
        process.stdout.write(JSON.stringify({ error: error.message, id, properties, reasons }), () =>
            process.exit(1),
        );
    },
);
