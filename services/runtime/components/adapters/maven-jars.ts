/** Jars of Maven Central with all they need, kept in a cache folder that is complete only when its stamp is there. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const pluginVersion = '3.6.1';
const resolveTimeoutMs = 300_000;

/** Which jars, and where they are kept. */
export interface MavenJars {
  /** Folder of the versions of these artifacts. */
  readonly cacheFolder: string;
  /** Name of the folder in it; another one when the artifacts change. */
  readonly version: string;
  /** `group:artifact:version` of each. */
  readonly artifacts: readonly string[];
}

const pomOf = (artifacts: readonly string[]): string => `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>prosa</groupId><artifactId>jars</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
${artifacts.map(dependencyOf).join('\n')}
  </dependencies>
</project>
`;

function dependencyOf(coordinates: string): string {
  const [group = '', artifact = '', version = ''] = coordinates.split(':');
  return `    <dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
}

/**
 * The folder with the jars; resolved by Maven when it is not complete. Two at once do not disturb each
 * other: each resolves into a folder of its own and the first to finish wins. Throws when Maven fails.
 */
export async function mavenJars({ cacheFolder, version, artifacts }: MavenJars): Promise<string> {
  const folder = join(cacheFolder, version);
  if (existsSync(join(folder, 'complete'))) return folder;
  await mkdir(cacheFolder, { recursive: true });
  const partial = await mkdtemp(join(cacheFolder, 'partial-'));
  try {
    await writeFile(join(partial, 'pom.xml'), pomOf(artifacts));
    const goal = `org.apache.maven.plugins:maven-dependency-plugin:${pluginVersion}:copy-dependencies`;
    const goalOptions = ['-DincludeScope=runtime', `-DoutputDirectory=${partial}`];
    await run('mvn', ['-B', '-q', '-f', join(partial, 'pom.xml'), goal, ...goalOptions], { timeout: resolveTimeoutMs });
    await writeFile(join(partial, 'complete'), '');
    // A folder without a stamp is a leftover of an interrupted move by hand; never one of ours.
    if (!existsSync(join(folder, 'complete'))) await rm(folder, { recursive: true, force: true });
    await rename(partial, folder).catch((caught: unknown) => {
      if (!existsSync(join(folder, 'complete'))) throw caught;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return folder;
}
