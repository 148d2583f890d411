import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gapsOf, localsOf, read } from '../reading.ts';

const json = (value: unknown): string => JSON.stringify(value);

describe('unlocked', () => {
  it('reads a package.json: each request has a reason, also one of an exact version', async () => {
    const content = await read(
      'web/package.json',
      json({
        name: 'shop',
        dependencies: {
          left: '1.3.0',
          right: '^1.0.0',
          alias: 'npm:@acme/real@2.0.0',
          ours: 'workspace:*',
          near: 'file:../near',
          forked: 'acme/forked#main',
          cloned: 'git+https://git.example/cloned.git',
          packed: 'https://files.example/packed.tgz',
          odd: 7,
        },
        optionalDependencies: ['a'],
        devDependencies: { shared: 'catalog:' },
        peerDependencies: { peer: '>=1', may: '*' },
        peerDependenciesMeta: { may: { optional: true } },
      }),
    );
    expect(content.packages).toEqual([]);
    expect(gapsOf(content)).toEqual([
      'unresolved left 1.3.0',
      'unresolved right ^1.0.0',
      'unresolved alias npm:@acme/real@2.0.0',
      'unsupported forked acme/forked#main',
      'unsupported cloned git+https://git.example/cloned.git',
      'unsupported packed https://files.example/packed.tgz',
      'unresolved odd 7',
      'unresolved optionalDependencies',
      'unresolved shared catalog:',
      'unresolved peer >=1',
    ]);
    expect(content.gaps[0]?.reason).toBe('no lock file says which version is installed, and from where');
    expect(localsOf(content)).toEqual(['ours workspace:*', 'near file:../near']);
  });

  it('reads a Cargo.toml, of a package and of a workspace, for every platform', async () => {
    const content = await read(
      'Cargo.toml',
      `[package]
name = "shop"
[workspace.dependencies]
shared = "1"
[dependencies]
serde = { version = "=1.0.200", registry = "acme" }
near = { path = "../near", version = "1" }
forked = { git = "https://git.example/forked" }
shared = { workspace = true }
renamed = { package = "real-name", version = "2" }
[build-dependencies]
cc = "=1.0.90"
[dev_dependencies]
old-spelling = "1"
[target.'cfg(windows)'.dependencies]
winapi = "0.3"
`,
    );
    expect(content.packages).toEqual([]);
    expect(gapsOf(content)).toEqual([
      'unresolved serde =1.0.200',
      'unsupported forked https://git.example/forked',
      'unresolved real-name 2',
      'unresolved cc =1.0.90',
      'unresolved old-spelling 1',
      'unresolved shared 1',
      'unresolved winapi 0.3',
    ]);
    expect(localsOf(content)).toEqual(['near ../near']);
  });

  const PYPROJECT = `[project]
name = "My_App"
dynamic = ["version", "optional-dependencies"]
dependencies = ["flask==3.0.0 ; python_version > '3.8'", "six>=1", "bare", "Our_Lib==2", "direct @ https://files.example/direct.whl", "=="]
[project.optional-dependencies]
all = ["my-app[extra]", "requests~=2.0"]
[dependency-groups]
test = ["pytest==8.0.0", {include-group = "lint"}]
[tool.uv.sources]
our-lib = { workspace = true }
bare = [{ git = "https://git.example/bare" }]
[tool.pdm.dev-dependencies]
lint = ["ruff"]
`;

  it('reads a pyproject.toml as the standards write it, and as uv and PDM do', async () => {
    const content = await read('pyproject.toml', PYPROJECT);
    expect(content.packages).toEqual([]);
    expect(gapsOf(content)).toEqual([
      'unresolved optional-dependencies',
      'unresolved flask ==3.0.0',
      'unresolved six >=1',
      'unsupported bare https://git.example/bare',
      'unsupported direct https://files.example/direct.whl',
      'unresolved == ==',
      'unresolved requests ~=2.0',
      'unresolved pytest ==8.0.0',
      'unresolved ruff',
    ]);
    expect(localsOf(content)).toHaveLength(1);
  });

  it('leaves out what the requirements beside a pyproject.toml pin, and nothing else of it', async () => {
    const pinned = 'Flask==3.0.0 \\\n    --hash=sha256:00\nsix>=1\nrequests==2.1  # of all\n-e .\n';
    const content = await read('pyproject.toml', PYPROJECT, { 'requirements.txt': pinned });
    expect(gapsOf(content)).not.toContain('unresolved flask ==3.0.0');
    expect(gapsOf(content)).not.toContain('unresolved requests ~=2.0');
    expect(gapsOf(content)).toContain('unresolved six >=1');
  });

  it("reads Poetry's tables; a list is one request for each platform", async () => {
    const content = await read(
      'pyproject.toml',
      `[tool.poetry.dependencies]
python = "^3.10"
exact = "1.2.3"
two = [{version = "1.0", python = "<3.8"}, {version = "^2.0", python = ">=3.8"}]
private = {version = "==2.0", source = "acme"}
near = {path = "../near"}
forked = {git = "https://git.example/forked"}
[tool.poetry.group.dev.dependencies]
black = "24.1.0"
`,
    );
    expect(content.packages).toEqual([]);
    expect(gapsOf(content)).toEqual([
      'unresolved exact 1.2.3',
      'unresolved two 1.0',
      'unresolved two ^2.0',
      'unresolved private ==2.0',
      'unsupported forked https://git.example/forked',
      'unresolved black 24.1.0',
    ]);
    expect(localsOf(content)).toEqual(['near ../near']);
  });

  it('reads a Pipfile, every category of it', async () => {
    const content = await read(
      'Pipfile',
      `[[source]]
url = "https://pypi.registry.example/simple"
name = "pypi"
[packages]
flask = "==3.0.0"
[dev-packages]
pytest = {version = "==8.0.0"}
[docs]
sphinx = "*"
[requires]
python_version = "3.12"
`,
    );
    expect(gapsOf(content)).toEqual(['unresolved flask ==3.0.0', 'unresolved pytest ==8.0.0', 'unresolved sphinx *']);
  });

  it('reads a composer.json, without PHP and its extensions', async () => {
    const content = await read(
      'composer.json',
      json({ require: { php: '>=8', 'ext-json': '*', 'Acme/Exact': '1.2.3' }, 'require-dev': { 'acme/branch': 'dev-main' } }),
    );
    expect(gapsOf(content)).toEqual(['unresolved acme/exact 1.2.3', 'unresolved acme/branch dev-main']);
  });

  it('reads a pubspec.yaml, with what its overrides make of it', async () => {
    const content = await read(
      'pubspec.yaml',
      `name: shop
dependencies:
  flutter:
    sdk: flutter
  exact: 1.2.3
  any:
  hosted:
    version: ^1.0.0
    hosted: https://pub.acme.example
  ours: 2.0.0
  forked:
    git: https://git.example/forked
dev_dependencies:
  lints: 3.0.0
dependency_overrides:
  ours:
    path: ../ours
`,
    );
    expect(content.packages).toEqual([]);
    expect(gapsOf(content)).toEqual([
      'unresolved exact 1.2.3',
      'unresolved any',
      'unresolved hosted ^1.0.0',
      'unsupported forked https://git.example/forked',
      'unresolved lints 3.0.0',
    ]);
    expect(localsOf(content)).toEqual(['flutter flutter', 'ours ../ours']);
  });

  it('reads the lines of a Gemfile that ask for gems, and says that a gemspec asks for more', async () => {
    const content = await read(
      'Gemfile',
      `source 'https://gems.registry.example'
gemspec
gem 'rails', '7.1.0'
gem "pg", "~> 1.5", ">= 1.5.2"
gem('puma')
# gem 'commented', '1.0.0'
gem 'near', path: '../near'
gem 'forked', github: 'acme/forked'
`,
    );
    expect(content.packages).toEqual([]);
    expect(gapsOf(content)).toEqual([
      'unresolved gemspec',
      "unresolved rails '7.1.0'",
      'unresolved pg "~> 1.5", ">= 1.5.2"',
      'unresolved puma',
      'unsupported forked acme/forked',
    ]);
    expect(localsOf(content)).toEqual(['near ../near']);
  });

  it.each([
    ['setup.py', "setup(install_requires=['six'])", 'setup()'],
    ['setup.cfg', '[options]\ninstall_requires =\n  six\n', '[flake8]\n'],
    ['mix.exs', 'defp deps do\n [{:jason, "~> 1.0"}]\nend', 'defp deps, do: []'],
    ['rebar.config', '{deps, [jsx]}.', '{deps, []}.'],
    ['Package.swift', '.package(url: "https://git.example/a", from: "1.0.0")', 'let package = Package(name: "a")'],
    ['Podfile', "target 'a' do\n  pod 'AFNetworking'\nend", "target 'a' do\nend"],
    ['build.gradle', "dependencies {\n  implementation 'a:b:1'\n}", "plugins {\n  id 'java'\n}"],
    ['build.gradle', "dependencies { compile 'a:b:1' }", 'dependencies {\n}'],
    ['build.gradle', "plugins { id 'a.b' version '1' }", "plugins { id 'java' }"],
    ['build.gradle.kts', 'dependencies {\n  "implementation"("a:b:1")\n}', 'tasks.test { useJUnitPlatform() }'],
  ])('says of %s, a program, that it asks for something, and only where it does', async (path, asking, asksForNothing) => {
    expect(gapsOf(await read(path, asking))).toEqual([`unresolved ${path}`]);
    expect(gapsOf(await read(path, asksForNothing))).toEqual([]);
  });

  it.each([
    ['package.json', '{"name": {{ name }}}'],
    ['package.json', '[]'],
    ['Cargo.toml', '[dependencies'],
    ['pyproject.toml', '{% if a %}'],
    ['pubspec.yaml', '- a'],
    ['composer.json', '\0'],
  ])('makes one gap of a %s that cannot be read: %j', async (path, text) => {
    const content = await read(path, text);
    expect(gapsOf(content)).toEqual([`unresolved ${path}`]);
    expect(content.gaps[0]?.reason).toMatch(/^not read, and no lock file says what it brings in: ./);
  });

  it('leaves no request of a package.json out', async () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);
    const spec = fc.oneof(fc.string(), fc.constantFrom('1.0.0', '^1', 'file:a', '', 'a/b', 'npm:b@1.0.0'));
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, spec), async (dependencies) => {
        const { packages, gaps, locals } = await read('package.json', json({ dependencies }));
        expect(packages).toEqual([]);
        expect([...gaps, ...locals].map((entry) => entry.name).sort()).toEqual(Object.keys(dependencies).sort());
      }),
    );
  });
});
