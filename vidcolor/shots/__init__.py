"""Shots: where they begin, how lists name them, which frame stands for one."""
