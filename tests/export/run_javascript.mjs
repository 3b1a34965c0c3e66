// Runs exported ES modules: `node run_javascript.mjs FOLDER` reads plan.json, writes results.json.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const folder = process.argv[2];
const plan = JSON.parse(readFileSync(join(folder, "plan.json"), "utf8"));
const results = {};
for (const [name, job] of Object.entries(plan)) {
    const module = await import(pathToFileURL(join(folder, `source_${name}.mjs`)));
    const inputs = job.inputs.map((values) => values.map(Number));
    for (const wrt of ["", ...job.wrt]) {
        const suffix = wrt === "" ? "" : wrt === "x" ? "_derivative" : `_derivative_${wrt}`;
        const f = module[job.name + suffix];
        results[`${name} ${wrt}`] = inputs[0].map((_, k) => String(f(...inputs.map((v) => v[k]))));
    }
}
writeFileSync(join(folder, "results.json"), JSON.stringify(results));
