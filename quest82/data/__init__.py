"""Where clips come from: folders, UCF101, and videos rendered by formula."""
