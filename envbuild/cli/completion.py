"""`envbuild completion`."""

import click

__all__ = ["completion_command"]


@click.command("completion", no_args_is_help=True)
@click.argument("shell", metavar="bash|zsh|fish", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    r"""Print the script with which a shell completes envbuild's commands, options, files and names.

    Once for every new shell, in the file that the shell reads at its start:

    \b
    echo 'eval "$(envbuild completion bash)"' >> ~/.bashrc
    echo 'eval "$(envbuild completion zsh)"' >> ~/.zshrc
    envbuild completion fish > ~/.config/fish/completions/envbuild.fish

    In zsh that line must stand behind `autoload -Uz compinit && compinit`. A shell that is open already takes the same
    script:

    \b
    source <(envbuild completion bash)
    source <(envbuild completion zsh)
    envbuild completion fish | source

    It needs bash 4.4, zsh 5 or fish 3, or newer.
    """
    from envbuild.cli.shells import script

    click.echo(script(shell, click.get_current_context().find_root().command), nl=False)
