"""From camera images to the small frames that the timeline holds; numpy alone until a backbone."""
